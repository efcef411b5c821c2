"""
Letting a run's job rest and go on. What an admin wishes stands in the row, so a crash forgets
nothing; a trainer may be asked twice.
"""

import logging

from bot.errors import BotError, CannotPauseError
from bot.pipeline.preparing import trainer_of
from bot.pipeline.training import follow_job
from bot.pipeline.workshop import Workshop
from bot.training.remote_errors import TrainerUnavailableError
from bot.training.trainer import JobState, Pausable
from storage import admin_notices, runs
from storage.tables import Run, RunState

log = logging.getLogger(__name__)

#: Who lets a run go on that could not rest.
PIPELINE = "pipeline"


def pause_job(workshop: Workshop, run: Run) -> bool:
    """
    Let the job rest, unless it has ended meanwhile; a run whose trainer refuses goes on.

    Raises:
        TrainerUnavailableError: it is asked again later.
    """
    assert run.job_id is not None
    trainer = trainer_of(workshop, run)
    if trainer.status(run.job_id).state is not JobState.RUNNING:
        _withdraw(workshop, run)
        return follow_job(workshop, run)
    try:
        if not isinstance(trainer, Pausable) or not trainer.can_pause:
            raise CannotPauseError(run.trainer, run.id or 0)
        trainer.pause(run.job_id)
    except TrainerUnavailableError:
        raise
    except BotError as error:
        log.warning("Run %s is not paused: %s", run.id, error)
        _withdraw(workshop, run, str(error))
        return True
    workshop.checkpoint("job paused")
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.state, row.paused_at, row.attempts = RunState.PAUSED, workshop.now(), 0
        row.progress = {name: row.progress[name] for name in row.progress if name != "seconds_left"}
        session.add(row)
    workshop.checkpoint("pause kept")
    return True


def resume_job(workshop: Workshop, run: Run) -> bool:
    """Let the job go on; the time it rested is no training time."""
    assert run.job_id is not None
    trainer = trainer_of(workshop, run)
    if isinstance(trainer, Pausable):
        trainer.resume(run.job_id)
    workshop.checkpoint("job resumed")
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        if row.training_at and row.paused_at:
            row.training_at += workshop.now() - row.paused_at
        row.state, row.paused_at, row.attempts = RunState.TRAINING, None, 0
        session.add(row)
    workshop.checkpoint("resume kept")
    return True


def _withdraw(workshop: Workshop, run: Run, why: str = "") -> None:
    """Forget the wish, and tell the admins why where there is more to say."""
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        by = runs.withdraw_pause(session, row, PIPELINE)
        if why:
            text = f"Run {run.id} could not be paused and goes on; <@{by}> asked for it. {why}"
            key = f"pause:{run.id}:{workshop.now():%Y%m%dT%H%M%S}"
            admin_notices.put(session, row.team_id, row.audience, key, text)
