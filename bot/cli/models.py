"""``models``: versions, which one is live, and moving that pointer."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlmodel import Session

from bot.answering import promotion
from bot.answering.strategy import live_strategy
from bot.budget import per_day
from bot.cli.operator import operator
from bot.cli.options import (
    AudienceOption,
    JsonOption,
    TeamOption,
    open_database,
    print_rows,
    settings_of,
    team_of,
)
from bot.errors import NotFoundError
from storage import evaluations, versions
from storage.tables import ModelVersion

if TYPE_CHECKING:
    from bot.pipeline.pruning import Plan

cli = typer.Typer(
    help="Model versions: list, compare, replay, report, promote, roll back, prune.",
    no_args_is_help=True,
)

ByOption = Annotated[str, typer.Option("--by", help="Who decides; kept with the decision.")]


@cli.command("list")
def list_versions(
    context: typer.Context, as_json: JsonOption = False, team: TeamOption = ""
) -> None:
    """List all versions with their verdicts."""
    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            viewer = operator(session, team_id)
            rows = [_row(session, v) for v in versions.visible(session, team_id, viewer)]
    print_rows(rows, as_json=as_json, empty="No version yet: `train` makes the first.")


@cli.command()
def promote(
    context: typer.Context,
    version: str,
    by: ByOption = "operator",
    unproven: Annotated[
        bool,
        typer.Option(
            "--unproven", help="Do without the proof that it is served as it was trained."
        ),
    ] = False,
    team: TeamOption = "",
) -> None:
    """Put a version live, if its evaluation supports it."""
    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.write() as session:
            viewer = operator(session, team_id)
            home = settings_of(context).apprentice_home
            promotion.promote(
                session, team_id, version, by, viewer, home, accepts_unproven=unproven
            )
    print(f"{version} answers from now on.")


@cli.command()
def rollback(
    context: typer.Context,
    audience: AudienceOption = "workspace",
    by: ByOption = "operator",
    team: TeamOption = "",
) -> None:
    """Return to what answered before the last promotion."""
    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.write() as session:
            home = settings_of(context).apprentice_home
            promotion.rollback(session, team_id, audience, by, home=home)
            live = live_strategy(session, team_id, audience)
    print(f"{live.version_name or 'The base model'} answers from now on.")


@cli.command()
def compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(help="A version, or `base` for prompting alone.")],
    second: Annotated[str, typer.Argument(help="The other one.")],
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Say which of two versions answers better, on the held-out questions both were asked."""
    from bot.pipeline.comparing import compare_versions

    settings = settings_of(context)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            viewer = operator(session, team_id)
            found = compare_versions(
                session, team_id, first, second, viewer, settings.apprentice_home
            )
    if as_json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(found.sentences()))


@cli.command()
def replay(
    context: typer.Context, version: str, as_json: JsonOption = False, team: TeamOption = ""
) -> None:
    """Reach a version's verdict again from the evidence that was kept: scores and findings."""
    from bot.evaluation.evidence import replay as reach_again

    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            found = promotion.find_version(session, team_id, version, operator(session, team_id))
            kept = evaluations.of_version(session, team_id, found.id or 0)
    if kept is None or "scores" not in kept.evidence:
        raise NotFoundError(f"No evidence of {found.name} is kept: `evaluate {found.name}` judges.")
    again = reach_again(kept.evidence)
    is_same = (again.verdict, again.reason) == (kept.verdict, kept.reason)
    if as_json:
        said = {"verdict": again.verdict.value, "reason": again.reason, "same": is_same}
        print(json.dumps(said, indent=2, ensure_ascii=False))
        return
    print(f"{again.verdict.value}: {again.reason}")
    print("The same as was kept." if is_same else f"Kept is {kept.verdict.value}: {kept.reason}")


@cli.command()
def report(
    context: typer.Context,
    run: Annotated[int, typer.Argument(help="The run's number, as on its card.")],
    team: TeamOption = "",
) -> None:
    """Write the page of a run: verdict, table, pictures, answers side by side, rights."""
    from bot.pipeline.reporting import REPORT_FILE, write_report

    settings = settings_of(context)
    path = settings.apprentice_home / "reports" / f"run-{run}" / REPORT_FILE
    with open_database(settings) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            write_report(session, team_id, run, operator(session, team_id), path)
    print(path)


@cli.command()
def prune(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else it is only shown.")] = False,
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """
    Show what nobody needs any more: adapters, job folders, snapshots, what providers keep, and
    deployments, which the running bot removes. With --yes, remove it.
    """
    from bot.pipeline.pruning import Stock, carry_out, plan
    from bot.trainers import trainers_elsewhere

    settings = settings_of(context)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            viewer = operator(session, team_id)
        elsewhere = trainers_elsewhere(settings)
        stock = Stock(database, settings.apprentice_home, team_id, viewer, elsewhere)
        planned = plan(stock)
        print_rows(_going(stock.home, planned), as_json=as_json, empty="Nothing is left over.")
        if planned and yes:
            problems = carry_out(stock, planned, "operator")
            print("\n".join(problems) or "Removed.", file=sys.stderr)
        elif planned:
            print("Nothing was removed yet: --yes does it.", file=sys.stderr)
        for trainer in elsewhere.values():
            trainer.stop()


def _going(home: Path, planned: "Plan") -> list[dict[str, Any]]:
    from bot.pipeline.pruning import size_of

    rows: list[dict[str, Any]] = [
        {"what": "version", "name": version.name, "megabytes": None} for version in planned.versions
    ]
    for path in planned.paths:
        megabytes = round(size_of(path) / 1e6, 1)
        where = str(path.relative_to(home))
        rows.append({"what": "files", "name": where, "megabytes": megabytes})
    for snapshot in planned.snapshots:
        name = f"{snapshot.audience}, number {snapshot.number}"
        rows.append({"what": "snapshot", "name": name, "megabytes": None})
    for run in planned.away:
        name = f"run {run.id} at {run.trainer}"
        rows.append({"what": "files elsewhere", "name": name, "megabytes": None})
    for row in planned.deployments:
        name = f"{row.name} at {row.trainer}, {per_day(row.hosting_per_hour)}"
        rows.append({"what": "deployment", "name": name, "megabytes": None})
    return rows


def _row(session: Session, version: ModelVersion) -> dict[str, Any]:
    assert version.id is not None
    live = live_strategy(session, version.team_id, version.audience)
    evaluation = evaluations.of_version(session, version.team_id, version.id)
    return {
        "version": version.name,
        "live": "live" if live.version_name == version.name else "",
        "state": version.state.value,
        "base": version.base_model,
        "verdict": evaluation.verdict.value if evaluation else None,
        "gain": evaluation.gain if evaluation else None,
        "held_out": evaluation.held_out if evaluation else None,
        "made": version.created_at.isoformat(timespec="seconds"),
    }
