"""
From schedules to queued runs: when one's time has come, and why none is queued then.

A time that passed while the bot was down counts once, however often it passed.
"""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.dataset.checks import FEWEST_EXAMPLES
from bot.dataset.errors import NotEnoughExamplesError
from bot.dataset.snapshot import count_material, is_unchanged
from bot.errors import AttestationMissingError, BotError, NoSuchTrainerError
from bot.pipeline.workshop import Workshop
from bot.timetable import Growth, Times, next_times, read, zone_or_utc
from storage import attestations, runs, schedules, snapshots
from storage.audience import Viewer
from storage.columns import LONGEST_PAUSE
from storage.tables import Attestation, Origin, Run, RunState, Schedule

log = logging.getLogger(__name__)

#: After a run for new examples was queued or refused, they are not counted for so long.
GROWTH_PAUSE = timedelta(hours=1)


class _SkippedError(BotError):
    """Raised inside: why no run is queued this time."""


def keep_schedules(workshop: Workshop) -> None:
    """Queue a run for each schedule whose time has come, or note why not."""
    now = workshop.now()
    with workshop.database.read() as session:
        due = schedules.due(session, now)
        early = [row for row in schedules.waiting(session, now) if _is_ahead(row, now)]
    if early:
        _set_back(workshop, early, now)
    for found in due:
        try:
            _keep(workshop, found, now)
        except Exception:  # one that cannot be kept must not keep the others from their times
            log.exception("The schedule of %s was not kept; it is tried again", found.audience)


def _is_ahead(row: Schedule, now: datetime) -> bool:
    """
    Whether its next time was reckoned while the clock was far ahead. One that was set back by
    minutes must not bring the time that was just kept a second time.
    """
    if row.next_at is None or (row.last_at or row.set_at) <= now + LONGEST_PAUSE:
        return False
    return row.next_at > _next(row, now)


def _set_back(workshop: Workshop, early: list[Schedule], now: datetime) -> None:
    with workshop.database.write() as session:
        for found in early:
            row = session.get(Schedule, found.id)
            if row is not None and _is_ahead(row, now):
                log.warning("The clock was ahead: the schedule of %s is set back", row.audience)
                row.next_at = _next(row, now)
                session.add(row)


def _keep(workshop: Workshop, found: Schedule, now: datetime) -> None:
    with workshop.database.read() as session:
        if not _is_time(session, found):
            return
        # Outside the turn to write: reading a large data set takes a while.
        reason = _why_not(session, workshop, found)
    with workshop.database.write() as session:
        row = session.get(Schedule, found.id)
        if row is None or (row.rule, row.next_at) != (found.rule, found.next_at):
            return
        outcome = reason or _queue(session, row)
        log.info("Schedule of %s: %s", row.audience, outcome)
        row.last_at, row.last_outcome, row.next_at = now, outcome, _next(row, now)
        session.add(row)
        workshop.checkpoint("schedule kept")


def _is_time(session: Session, found: Schedule) -> bool:
    when = read(found.rule)
    if isinstance(when, Times):
        return True
    attestation = attestations.newest(session, found.team_id)
    if attestation is None or runs.open_run_of(session, found.team_id, found.audience):
        return False
    newest = runs.newest_of(session, found.team_id, found.audience)
    number = snapshots.count_unknown(
        session,
        found.team_id,
        found.audience,
        Viewer.model(found.audience),
        attestation.sources,
        newest.snapshot_id if newest else None,
    )
    return number >= when.examples


def _why_not(session: Session, workshop: Workshop, found: Schedule) -> str:
    """The reason to skip it this time; empty where a run is due."""
    try:
        _check(session, workshop, found)
    except BotError as error:
        return f"Skipped: {error}"
    return ""


def _check(session: Session, workshop: Workshop, found: Schedule) -> None:
    """
    Raises:
        BotError: why no run is queued.
    """
    if found.trainer not in workshop.trainers:
        raise NoSuchTrainerError(found.trainer, workshop.trainers)
    if open_run := runs.open_run_of(session, found.team_id, found.audience):
        raise _SkippedError(f"run {open_run.id} is still open.")
    attestation = attestations.newest(session, found.team_id)
    if attestation is None:
        raise AttestationMissingError
    covered, left_out = count_material(session, found.team_id, found.audience, attestation)
    if covered < FEWEST_EXAMPLES:
        raise NotEnoughExamplesError(covered, FEWEST_EXAMPLES, left_out)
    before = runs.newest_of(session, found.team_id, found.audience, RunState.DONE)
    if before and _is_the_same(session, workshop, found, before, attestation):
        raise _SkippedError(f"nothing changed since run {before.id}.")


def _is_the_same(
    session: Session, workshop: Workshop, found: Schedule, before: Run, attestation: Attestation
) -> bool:
    """The same data, trained at the same place, on the same base."""
    assert before.snapshot_id is not None
    return (
        before.trainer == found.trainer
        and before.hyperparameters.get("part", 1.0) >= 1.0
        and before.base_model == workshop.base.name
        and is_unchanged(session, found.team_id, before.snapshot_id, attestation)
    )


def _queue(session: Session, row: Schedule) -> str:
    if open_run := runs.open_run_of(session, row.team_id, row.audience):
        return f"Skipped: run {open_run.id} is still open."
    run = runs.enqueue(
        session,
        row.team_id,
        row.audience,
        trainer=row.trainer,
        requested_by=row.set_by,
        channel_id=row.channel_id,
        origin=Origin.SCHEDULE,
    )
    return f"Run {run.id} was queued."


def _next(row: Schedule, now: datetime) -> datetime:
    when = read(row.rule)
    if isinstance(when, Growth):
        return now + GROWTH_PAUSE
    return next_times(when, zone_or_utc(row.zone), now)[0]
