"""Following a trainer's job: loss curve and progress into tables, its result into a version."""

from math import isfinite
from pathlib import Path
from typing import Any

from sqlmodel import Session

from bot.engines.model_place import RemoteModel
from bot.errors import TrainingError
from bot.pipeline.budgeting import bill
from bot.pipeline.preparing import name_of, trainer_of
from bot.pipeline.workshop import Workshop
from bot.training.errors import DivergedError
from bot.training.trainer import Adapter, JobState, JobStatus
from storage import audit, runs, versions
from storage.tables import ModelVersion, Run, RunMetric, RunState


def follow_job(workshop: Workshop, run: Run) -> bool:
    """
    Copy what the job reports; False while it goes on, so that it is asked once a tick.

    Raises:
        TrainingError: the job failed, or learned nothing but noise; says why.
    """
    assert run.job_id is not None
    trainer = trainer_of(workshop, run)
    status = trainer.status(run.job_id)
    diverged = next((one.step for one in status.metrics if not isfinite(one.loss)), None)
    if diverged is not None:
        trainer.cancel(run.job_id)  # what goes on may cost money by the minute
        raise DivergedError(diverged)
    _copy_metrics(workshop, run, status)
    if status.state == JobState.FAILED:
        raise TrainingError(status.error or "The training job failed without a reason.")
    if status.state == JobState.CANCELLED:
        raise TrainingError("The training job was cancelled outside of Apprentice.")
    if status.state != JobState.SUCCEEDED:
        return False
    result = trainer.result(run.job_id)
    workshop.checkpoint("job finished")
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        is_deployed = isinstance(result, RemoteModel) and result.served_by in workshop.deployers
        row.state = RunState.DEPLOYING if is_deployed else RunState.EVALUATING
        row.progress, row.attempts = {}, 0
        row.cost = bill(row)
        if row.training_at:
            row.training_seconds = (workshop.now() - row.training_at).total_seconds()
        session.add(row)
        _add_version(session, workshop, row, result)
        workshop.checkpoint("version made")
    workshop.checkpoint("version kept")
    return True


def cancel_job(workshop: Workshop, run: Run) -> None:
    """Stop the run's job if there is one; also one that a crash kept from being noted."""
    if run.snapshot_id is None or run.trainer not in workshop.trainers:
        return
    workshop.trainers[run.trainer].cancel(run.job_id or name_of(run))


def _copy_metrics(workshop: Workshop, run: Run, status: JobStatus) -> None:
    """Write only what changed: every commit wakes all workers."""
    progress = _progress(status)
    record = {**run.record, **status.record}
    if progress == run.progress and record == run.record and not run.attempts:
        return
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.progress, row.record, row.attempts = progress, record, 0
        row.hyperparameters = {**row.hyperparameters, **(record.get("hyperparameters") or {})}
        session.add(row)
        runs.add_metrics(
            session,
            row,
            [
                RunMetric(
                    team_id=run.team_id,
                    run_id=run.id or 0,
                    step=metric.step,
                    loss=metric.loss,
                    tokens_per_second=metric.tokens_per_second,
                )
                for metric in status.metrics
            ],
        )


def _progress(status: JobStatus) -> dict[str, Any]:
    known = {
        "done": status.step,
        "total": status.total_steps,
        "loss": status.loss,
        "seconds_left": status.seconds_left,
    }
    return {name: value for name, value in known.items() if value is not None}


def _add_version(
    session: Session, workshop: Workshop, run: Run, result: Adapter | RemoteModel
) -> None:
    number, name = versions.next_name(session, run.team_id, run.audience)
    assert run.id is not None
    assert run.snapshot_id is not None
    session.add(
        ModelVersion(
            team_id=run.team_id,
            audience=run.audience,
            number=number,
            name=name,
            run_id=run.id,
            snapshot_id=run.snapshot_id,
            **_whereabouts(workshop, result),
        )
    )
    audit.record(
        session,
        run.team_id,
        actor=run.requested_by,
        action="version.made",
        subject=f"version:{name}",
        audience=run.audience,
        details={"run": run.id, "snapshot": run.snapshot_id},
    )


def _whereabouts(workshop: Workshop, result: Adapter | RemoteModel) -> dict[str, Any]:
    """The columns that say what was tuned and where the result is."""
    if isinstance(result, RemoteModel):
        return {
            "base_model": result.base_model or workshop.base.name,
            "base_digest": "",
            "adapter_path": "",
            "gguf_path": "",
            "checksum": "",
            "remote_id": result.model_id,
            "served_by": result.served_by,
        }
    return {
        "base_model": workshop.base.name,
        "base_digest": workshop.base.digest,
        "adapter_path": _in_home(workshop, result.folder),
        "gguf_path": _in_home(workshop, result.gguf_path),
        "checksum": result.checksum,
    }


def _in_home(workshop: Workshop, path: Path) -> str:
    """Relative to APPRENTICE_HOME, so that the folder may move; what lies outside stays."""
    home, path = workshop.home.resolve(), path.resolve()
    return str(path.relative_to(home) if path.is_relative_to(home) else path)
