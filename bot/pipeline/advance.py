"""
One step of one run. What went wrong becomes a state and a sentence; a crash costs one step.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta

from bot.engines.errors import AdapterUnknownError, EngineDiedError, EngineUnavailableError
from bot.errors import BotError
from bot.pipeline.budgeting import let_go_on
from bot.pipeline.deploying import await_deployment, doubt_deployment, unwanted
from bot.pipeline.evaluating import evaluate
from bot.pipeline.pausing import pause_job, resume_job
from bot.pipeline.preparing import prepare
from bot.pipeline.training import cancel_job, follow_job
from bot.pipeline.workshop import Workshop
from bot.training.remote_errors import (
    ClientMissingError,
    KeyRefusedError,
    NotAnApiError,
    TrainerUnavailableError,
)
from storage import admin_notices, runs
from storage.tables import OPEN_RUN_STATES, Run, RunState

log = logging.getLogger(__name__)

#: A trainer elsewhere may be away for a night; its job goes on without us.
TRAINER_ATTEMPTS = 120
LONGEST_PAUSE_SECONDS = 600.0
#: How often a step is tried while the engine is being replaced, and the pause before each.
ATTEMPTS = 6
RETRY_SECONDS = 5.0
#: The pause where a deployment does not answer that ought to: it may not be known everywhere yet.
MISSING_SECONDS = 30.0

Step = Callable[[Workshop, Run], bool]


def advance(workshop: Workshop) -> bool:
    """
    Move each run whose turn it is one step; False if there is nothing to do before the next tick.

    One run a workspace is under way; the others stay queued.
    """
    let_go_on(workshop)
    with workshop.database.read() as session:
        due = runs.due(session, workshop.now())
    moved = [_advance(workshop, run) for run in due if not workshop.is_stopping.is_set()]
    return any(moved)


def _advance(workshop: Workshop, run: Run) -> bool:
    try:
        return _step_for(run)(workshop, run)
    except (EngineUnavailableError, EngineDiedError) as error:
        _try_later(workshop, run, error, ATTEMPTS, RETRY_SECONDS)
    except AdapterUnknownError as error:
        if doubt_deployment(workshop, run, error.adapter):
            _try_later(workshop, run, error, TRAINER_ATTEMPTS, MISSING_SECONDS)
        else:
            _end(workshop, run, RunState.FAILED, str(error))
    except TrainerUnavailableError as error:
        pause = max(_growing_pause(run), error.retry_after or 0.0)
        _try_later(workshop, run, error, TRAINER_ATTEMPTS, pause)
    except (KeyRefusedError, NotAnApiError, ClientMissingError) as error:
        # Its job goes on without us, and may be paid for: an admin can bring us back to it.
        if run.job_id is None:
            _end(workshop, run, RunState.FAILED, str(error))
        else:
            _ask_admins(workshop, run, error)
            _try_later(workshop, run, error, TRAINER_ATTEMPTS, _growing_pause(run))
    except BotError as error:
        log.warning("Run %d failed: %s", run.id, error)
        _end(workshop, run, RunState.FAILED, str(error))
    except Exception:  # one bad run must not stop the others; people get a reference, not a trace
        reference = uuid.uuid4().hex[:8]
        log.exception("Run %d failed unexpectedly, reference %s", run.id, reference)
        sentence = f"Something went wrong that nobody expected. The log says more at `{reference}`."
        _end(workshop, run, RunState.FAILED, sentence)
    return True


def _step_for(run: Run) -> Step:
    if run.cancel_requested_by:
        return _cancel
    steps: dict[RunState, Step] = {
        RunState.QUEUED: _begin,
        RunState.PREPARING: prepare,
        RunState.TRAINING: pause_job if run.pause_requested_by else follow_job,
        RunState.PAUSED: resume_job,
        RunState.DEPLOYING: await_deployment,
        RunState.EVALUATING: evaluate,
    }
    return steps[run.state]


def _begin(workshop: Workshop, run: Run) -> bool:
    workshop.checkpoint("run found")
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.state, row.started_at = RunState.PREPARING, workshop.now()
        row.base_model = workshop.base.name
        session.add(row)
    workshop.checkpoint("run begun")
    return True


def _cancel(workshop: Workshop, run: Run) -> bool:
    cancel_job(workshop, run)
    unwanted(workshop, run)
    workshop.checkpoint("job cancelled")
    _end(workshop, run, RunState.CANCELLED, None)
    return True


def _growing_pause(run: Run) -> float:
    return float(min(LONGEST_PAUSE_SECONDS, RETRY_SECONDS * 2.0 ** min(run.attempts, 10)))


def _ask_admins(workshop: Workshop, run: Run, error: BotError) -> None:
    """Say once on its card and to the admins why nothing is known of a job."""
    log.warning("Run %s cannot be followed: %s", run.id, error)
    text = (
        f"Run {run.id} cannot be followed at `{run.trainer}`, where its job goes on. {error} Then "
        "I go on from where it is; I ask for about a day."
    )
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.progress = {**row.progress, "waits": str(error)}
        session.add(row)
        key = f"unfollowed:{run.id}:{type(error).__name__}"
        admin_notices.put(session, row.team_id, row.audience, key, text)


def _try_later(
    workshop: Workshop, run: Run, error: BotError, attempts: int, pause_seconds: float
) -> None:
    if run.attempts + 1 >= attempts:
        _end(workshop, run, RunState.FAILED, str(error))
        return
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.attempts += 1
        row.not_before = workshop.now() + timedelta(seconds=pause_seconds)
        session.add(row)


def _end(workshop: Workshop, run: Run, state: RunState, error: str | None) -> None:
    if state == RunState.FAILED:
        _stop_job(workshop, run)
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        if row.state in OPEN_RUN_STATES:
            row.state, row.error, row.ended_at = state, error, workshop.now()
            session.add(row)


def _stop_job(workshop: Workshop, run: Run) -> None:
    """A failed run must not leave a child training for nobody."""
    try:
        cancel_job(workshop, run)
    except (BotError, OSError) as error:
        log.exception("The job of run %d could not be stopped", run.id)
        if run.job_id and isinstance(error, BotError):
            text = (
                f"Run {run.id} failed, and its job `{run.job_id}` at `{run.trainer}` could not be "
                f"stopped: it may go on and cost money. Cancel it there. {error}"
            )
            with workshop.database.write() as session:
                key = f"unstopped:{run.id}"
                admin_notices.put(session, run.team_id, run.audience, key, text)
