"""``evaluate``: judges a version once more, on what is held out today."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bot.cli.operator import operator
from bot.cli.options import JsonOption, TeamOption, open_database, print_rows, settings_of, team_of
from bot.errors import SettingsError
from storage.tables import Evaluation

#: In a terminal of 80 columns there is room for these; `--json` has all.
_COLUMNS = {
    "rouge_l": "ROUGE-L",
    "similarity": "meaning",
    "facts": "facts",
    "prompt_tokens": "prompt",
    "seconds": "seconds",
}


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
    print_rows(table_of(judged.strategies), as_json=False, empty="")
    print(f"{judged.verdict.value}: {judged.reason}")


def _say(done: int, total: int) -> None:
    if done == total or done % 20 == 0:
        print(f"{done} of {total} answers", flush=True)


def _silent(done: int, total: int) -> None:
    """JSON stands alone."""


def table_of(strategies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row a strategy, token F1 with its interval; what was measured of none has no column."""
    measured = [name for name in _COLUMNS if any(line.get(name) is not None for line in strategies)]
    return [
        {"strategy": line["name"], "token F1": _with_bounds(line)}
        | {_COLUMNS[name]: _figure(name, line.get(name)) for name in measured}
        for line in strategies
    ]


def _with_bounds(line: dict[str, Any]) -> str:
    if "f1" not in line:
        return "–"
    low, high = line.get("f1_low"), line.get("f1_high")
    bounds = "" if low is None or high is None else f" ({max(0, low):.2f}–{min(1, high):.2f})"
    return f"{line['f1']:.2f}{bounds}"


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if name == "prompt_tokens" else f"{value:.2f}"


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
