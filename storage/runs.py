"""Runs, their loss curve, and which of them is next."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from storage import audit
from storage.audience import Viewer
from storage.columns import has_come
from storage.tables import OPEN_RUN_STATES, Run, RunMetric, RunState

_IDLE = (RunState.QUEUED, RunState.WAITING, RunState.PAUSED)
_WORKED_ON = tuple(state for state in OPEN_RUN_STATES if state not in _IDLE)
_NOBODY_WAITS_FOR = (RunState.WAITING, RunState.DEPLOYING)


def enqueue(
    session: Session,
    team_id: str,
    audience: str,
    *,
    trainer: str,
    requested_by: str,
    channel_id: str | None,
    origin: str = "",
    part: float = 1.0,
) -> Run:
    """
    Insert a run; the pipeline finds it. ``channel_id`` is where its card goes, ``part`` how much
    of the training rows it gets.
    """
    run = Run(
        team_id=team_id,
        audience=audience,
        trainer=trainer,
        requested_by=requested_by,
        channel_id=channel_id,
        origin=origin,
        hyperparameters={} if part == 1 else {"part": part},
    )
    session.add(run)
    session.flush()
    audit.record(
        session,
        team_id,
        actor=requested_by,
        action="run.asked",
        subject=f"run:{run.id}",
        audience=audience,
        details={"trainer": trainer} | ({"origin": origin} if origin else {}) | run.hyperparameters,
    )
    return run


def ask_to_cancel(session: Session, run: Run, by: str) -> None:
    """Note who wants a run to end; the pipeline does it. The first to ask is kept."""
    if run.cancel_requested_by:
        return
    run.cancel_requested_by = by
    run.not_before = None
    session.add(run)
    _note(session, run, "run.cancelled", by)


def ask_to_pause(session: Session, run: Run, by: str) -> None:
    """Note who wants a run's job to rest; the pipeline does it."""
    run.pause_requested_by, run.not_before = by, None
    session.add(run)
    _note(session, run, "run.paused", by)


def ask_to_resume(session: Session, run: Run, by: str) -> None:
    """Let a run that rests, or is about to, take its turn again."""
    run.pause_requested_by, run.not_before = None, None
    if run.state is RunState.TRAINING:
        # The wish may have reached the trainer, whether or not that was noted.
        run.state = RunState.PAUSED
    session.add(run)
    _note(session, run, "run.resumed", by)


def withdraw_pause(session: Session, run: Run, by: str) -> str | None:
    """Forget the wish to let a job rest, where it cannot; returns whose it was."""
    asked_by, run.pause_requested_by = run.pause_requested_by, None
    session.add(run)
    _note(session, run, "run.resumed", by)
    return asked_by


def _note(session: Session, run: Run, action: str, by: str) -> None:
    audit.record(
        session,
        run.team_id,
        actor=by,
        action=action,
        subject=f"run:{run.id}",
        audience=run.audience,
    )


def rests(run: Run) -> bool:
    """Whether nothing happens to a run until somebody lets it go on."""
    return run.state is RunState.PAUSED and run.pause_requested_by is not None


def approve(session: Session, run: Run, by: str) -> None:
    """Let a run that waits above the budget take its turn."""
    run.approved_by, run.state = by, RunState.QUEUED
    session.add(run)
    audit.record(
        session,
        run.team_id,
        actor=by,
        action="run.approved",
        subject=f"run:{run.id}",
        audience=run.audience,
        details={key: run.estimate.get(key) for key in ("dollars", "hours")},
    )


def get(session: Session, team_id: str, run_id: int) -> Run | None:
    return session.exec(
        select(Run).where(col(Run.team_id) == team_id, col(Run.id) == run_id)
    ).first()


def open_runs(session: Session, team_id: str, viewer: Viewer) -> list[Run]:
    """Runs not ended yet whose audience the viewer may know of, oldest first."""
    return list(
        session.exec(
            select(Run)
            .where(
                col(Run.team_id) == team_id,
                col(Run.state).in_(OPEN_RUN_STATES),
                col(Run.audience).in_(viewer.audiences),
            )
            .order_by(col(Run.id))
        )
    )


def open_run_of(session: Session, team_id: str, audience: str) -> Run | None:
    return session.exec(
        select(Run)
        .where(
            col(Run.team_id) == team_id,
            col(Run.audience) == audience,
            col(Run.state).in_(OPEN_RUN_STATES),
        )
        .order_by(col(Run.id))
    ).first()


def newest_of(session: Session, team_id: str, audience: str, *states: RunState) -> Run | None:
    """The newest run of an audience that has taken its snapshot; of these states, if any."""
    found = select(Run).where(
        col(Run.team_id) == team_id,
        col(Run.audience) == audience,
        col(Run.snapshot_id).is_not(None),
    )
    if states:
        found = found.where(col(Run.state).in_(states))
    return session.exec(found.order_by(col(Run.id).desc())).first()


def ended(session: Session, team_id: str, viewer: Viewer) -> list[Run]:
    """Runs that are over, of audiences the viewer may know of, oldest first."""
    return list(
        session.exec(
            select(Run)
            .where(
                col(Run.team_id) == team_id,
                col(Run.state).not_in(OPEN_RUN_STATES),
                col(Run.audience).in_(viewer.audiences),
            )
            .order_by(col(Run.id))
        )
    )


def count_before(session: Session, run: Run) -> int:
    """How many open runs of the workspace, whoever they are for, come before this one."""
    return session.exec(
        select(func.count())
        .select_from(Run)
        .where(
            col(Run.team_id) == run.team_id,
            col(Run.state).in_(OPEN_RUN_STATES),
            col(Run.state).not_in(_NOBODY_WAITS_FOR),
            or_(col(Run.state) != RunState.PAUSED, col(Run.pause_requested_by).is_(None)),
            col(Run.id) < run.id,
        )
    ).one()


def due(session: Session, now: datetime) -> list[Run]:
    """
    The runs whose turn it is: all that are to be cancelled or wait for their deployment, then one
    of each workspace.

    A run whose ``not_before`` lies ahead waits, and so do the queued runs behind it; nobody waits
    for a run that waits for an approval or a deployment, or rests. One that goes on after a rest
    waits for what was begun meanwhile.
    """
    found = _open_of_all(session)
    cancelled = [run for run in found if run.cancel_requested_by and _may_go_on(run, now)]
    going = [run for run in found if not run.cancel_requested_by]
    deploying = [run for run in going if run.state == RunState.DEPLOYING]
    turn: dict[str, Run] = {}
    for run in sorted(going, key=lambda run: (run.state not in _WORKED_ON, run.id)):
        if run.state not in _NOBODY_WAITS_FOR and not rests(run):
            turn.setdefault(run.team_id, run)
    return cancelled + [run for run in (*deploying, *turn.values()) if _may_go_on(run, now)]


def _may_go_on(run: Run, now: datetime) -> bool:
    return has_come(run.not_before, now)


def _open_of_all(session: Session) -> list[Run]:
    return list(
        session.exec(select(Run).where(col(Run.state).in_(OPEN_RUN_STATES)).order_by(col(Run.id)))
    )


def waiting(session: Session) -> list[Run]:
    """The runs of all workspaces that wait for an approval, and whose end nobody asked for."""
    return [
        run
        for run in _open_of_all(session)
        if run.state is RunState.WAITING and not run.cancel_requested_by
    ]


def open_or_newest(session: Session, limit: int) -> list[Run]:
    """Open runs and the newest ended ones of all workspaces, for the cards."""
    ended = session.exec(
        select(Run)
        .where(col(Run.state).not_in(OPEN_RUN_STATES))
        .order_by(col(Run.id).desc())
        .limit(limit)
    )
    return [*_open_of_all(session), *ended]


def add_metrics(session: Session, run: Run, metrics: Iterable[RunMetric]) -> None:
    """Add steps that are not there yet: providers report some twice, and some late."""
    assert run.id is not None
    known = set(session.exec(select(RunMetric.step).where(col(RunMetric.run_id) == run.id)))
    for metric in metrics:
        if metric.step not in known:
            known.add(metric.step)
            session.add(metric)


def metrics_of(session: Session, team_id: str, run_id: int) -> list[RunMetric]:
    return list(
        session.exec(
            select(RunMetric)
            .where(col(RunMetric.team_id) == team_id, col(RunMetric.run_id) == run_id)
            .order_by(col(RunMetric.step))
        )
    )
