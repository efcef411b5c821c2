"""``evaluate``: judges a version once more, on what is held out today."""

import json
from typing import Annotated, Any

import typer

from bot.cli.operator import operator
from bot.cli.options import JsonOption, TeamOption, open_database, print_rows, settings_of, team_of
from bot.errors import SettingsError
from storage.tables import Evaluation

_COLUMNS = (
    "name",
    "f1",
    "f1_low",
    "f1_high",
    "rouge_l",
    "similarity",
    "facts",
    "prompt_tokens",
    "seconds",
)


def register(cli: typer.Typer) -> None:
    cli.command()(evaluate)


def evaluate(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="As `models list` names it.")],
    by: Annotated[str, typer.Option("--by", help="Who asks; kept with the verdict.")] = "operator",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Ask a version today's held-out questions, and judge it anew. Works beside a running bot."""
    from bot.assembly import make_engine, make_meaning, make_workshop
    from bot.engines.base_model import resolve_base_model
    from bot.pipeline.judging_again import judge_again

    settings = settings_of(context)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        base = resolve_base_model(settings.base_model, settings.apprentice_home / "models")
        meaning = make_meaning(settings)
        workshop = make_workshop(
            settings, database, make_engine(settings, base), base, meaning, trains=False
        )
        if workshop is None:
            raise SettingsError("ENGINE=openai_api loads no version, so none can be asked here.")
        with database.read() as session:
            viewer = operator(session, team_id)
        if meaning:
            meaning.model.start()
        try:
            judged = judge_again(
                workshop, team_id, version, viewer, by=by, report=_say if not as_json else _silent
            )
        finally:
            workshop.engine.stop()
            if meaning:
                meaning.model.stop()
    if as_json:
        print(json.dumps(_whole(judged), indent=2, ensure_ascii=False))
        return
    print_rows([_line(line) for line in judged.strategies], as_json=False, empty="")
    print(f"{judged.verdict.value}: {judged.reason}")


def _say(done: int, total: int) -> None:
    if done == total or done % 20 == 0:
        print(f"{done} of {total} answers", flush=True)


def _silent(done: int, total: int) -> None:
    """JSON stands alone."""


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value:.2f}" if isinstance(value := line.get(name), float) else value
        for name in _COLUMNS
    }


def _whole(judged: Evaluation) -> dict[str, Any]:
    return {
        "verdict": judged.verdict.value,
        "reason": judged.reason,
        "held_out": judged.held_out,
        "best": judged.best,
        "gain": judged.gain,
        "gain_low": judged.gain_low,
        "gain_high": judged.gain_high,
        "strategies": judged.strategies,
    }
