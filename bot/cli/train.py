"""``train`` and ``attest``: what an admin does in Slack, from the command line."""

import time
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import (
    AudienceOption,
    TeamOption,
    open_database,
    require_audience,
    settings_of,
    team_of,
)
from bot.dataset import rights
from bot.dataset.errors import ExportRefusedError
from bot.errors import AttestationMissingError, NoSuchTrainerError, NotFoundError
from bot.settings import Settings
from storage import attestations, evaluations, runs
from storage.database import Database
from storage.tables import OPEN_RUN_STATES, Run, RunState, Source

OPERATOR = "operator"
POLL_SECONDS = 1.0


def register(cli: typer.Typer) -> None:
    cli.command()(train)
    cli.command()(attest)


def train(
    context: typer.Context,
    trainer: Annotated[str, typer.Option(help="Where to train; by default TRAINER.")] = "",
    audience: AudienceOption = "workspace",
    part: Annotated[
        float,
        typer.Option(
            min=0.05, max=1.0, help="Train on so much of the examples; `advise` draws the curve."
        ),
    ] = 1.0,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its verdict.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--export",
            help="With `--trainer autotrain`: train nothing, write AutoTrain's project folder.",
        ),
    ] = None,
    team: TeamOption = "",
) -> None:
    """Queue a run; the running bot works on it."""
    settings = settings_of(context)
    name = trainer or settings.trainer
    if folder is not None:
        _export(settings, name, audience, part, folder, team)
        return
    if name not in settings.trainers:
        raise NoSuchTrainerError(name, settings.trainers)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        run = _enqueue(database, team_id, audience, name, part)
        print(f"Run {run.id} is queued; a running bot works on it.")
        raise typer.Exit(_follow(database, team_id, run) if wait else 0)


def attest(
    context: typer.Context,
    by: Annotated[str, typer.Option(help="Slack id of the admin who states it.")],
    sources: Annotated[
        str, typer.Option(help="Of " + ", ".join(Source) + ", separated by commas.")
    ],
    team: TeamOption = "",
) -> None:
    """Record that the organisation may train on content of these sources."""
    named = [part.strip() for part in sources.split(",") if part.strip()]
    if unknown := sorted(set(named) - set(Source)):
        raise NotFoundError(f"There is no source {unknown[0]}; there are {', '.join(Source)}.")
    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.write() as session:
            rights.attest(session, team_id, by, [Source(name) for name in named])
    print(f"{rights.STATEMENT}\nStated by {by} for: {', '.join(named)}.")


def _export(
    settings: Settings, name: str, audience: str, part: float, folder: Path, team: str
) -> None:
    from bot.cli.operator import operator
    from bot.engines.base_model import resolve_base_model
    from bot.engines.vocabulary import vocabulary_of
    from bot.pipeline.project import TRAINER, export_project
    from storage.audience import Viewer

    if name != TRAINER or part < 1:
        raise ExportRefusedError(
            "Only AutoTrain works in a folder of its own, and it gets all examples: "
            "`train --trainer autotrain --export FOLDER`. For other tools there is "
            "`dataset export`."
        )
    models_dir = settings.apprentice_home / "models"
    base = resolve_base_model(settings.base_model, models_dir)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            viewer = operator(session, team_id).meets(Viewer.model(audience))
        number = export_project(
            database,
            team_id,
            audience,
            viewer,
            base,
            vocabulary_of(base.gguf_path),
            models_dir,
            folder,
        )
    print(
        f"{audience} snapshot {number} is in {folder}, ready for AutoTrain Advanced: its README.md "
        "has the commands. It holds what your team wrote: keep it as you keep that."
    )


def _enqueue(database: Database, team_id: str, audience: str, trainer: str, part: float) -> Run:
    with database.write() as session:
        require_audience(session, team_id, audience)
        if attestations.newest(session, team_id) is None:
            raise AttestationMissingError
        if open_run := runs.open_run_of(session, team_id, audience):
            raise NotFoundError(f"Run {open_run.id} is still open; cancel it or wait for it.")
        return runs.enqueue(
            session,
            team_id,
            audience,
            trainer=trainer,
            requested_by=OPERATOR,
            channel_id=None,
            part=part,
        )


def _follow(database: Database, team_id: str, run: Run) -> int:
    """Print each new state or step on a line, until the run ends; 0 if it ended with a verdict."""
    assert run.id is not None
    shown = ""
    while True:
        with database.read() as session:
            now = runs.get(session, team_id, run.id)
            verdict = evaluations.of_run(session, team_id, run.id)
        assert now is not None
        if (line := _line(now)) != shown:
            print(line, flush=True)
            shown = line
        if now.state not in OPEN_RUN_STATES:
            print(f"{verdict.verdict}: {verdict.reason}" if verdict else now.error or "")
            return 0 if now.state is RunState.DONE else 1
        time.sleep(POLL_SECONDS)


def _line(run: Run) -> str:
    if run.state is RunState.WAITING:
        return "waiting for an admin's approval: " + " ".join(run.estimate.get("over", []))
    done, total = run.progress.get("done"), run.progress.get("total")
    return f"{run.state.value} {done}/{total}" if total else run.state.value
