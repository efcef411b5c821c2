"""``advise``: "should we tune?", answered with the team's own figures."""

import json
from dataclasses import asdict

import typer

from bot.cli.operator import operator
from bot.cli.options import (
    AudienceOption,
    JsonOption,
    TeamOption,
    open_database,
    require_audience,
    settings_of,
    team_of,
)


def register(cli: typer.Typer) -> None:
    cli.command()(advise)


def advise(
    context: typer.Context,
    audience: AudienceOption = "workspace",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Say whether tuning pays: examples, baseline, costs, gains, and what to collect next."""
    from bot.evaluation.advice_page import sections
    from bot.pipeline.advising import advise as figures_for

    settings = settings_of(context)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            require_audience(session, team_id, audience)
            viewer = operator(session, team_id)
            advice = figures_for(session, team_id, audience, viewer, settings.trainer)
    page = sections(advice)
    if as_json:
        whole = asdict(advice) | {"page": [{"title": t, "sentences": lines} for t, lines in page]}
        print(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    (_, headline), *rest = page
    print("\n".join(headline))
    for title, lines in rest:
        print(f"\n{title}")
        print("\n".join(f"- {line}" for line in lines))
