"""
Carrying erasures through to the last byte: rows, then files of runs, then free pages.

``step`` takes one step of what the table ``erasure`` holds and commits; a crash costs one step.
Knows neither Slack nor a running engine, so it works where nothing is trained as well.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from bot.curation import forgetting
from bot.curation.forgetting import SERVE_DAYS, Grace
from bot.errors import TrainingError
from bot.pipeline.run_files import Erasing, clear_words, remove, remove_all, remove_elsewhere
from bot.pipeline.serving import take_out_of_service
from storage import audit, erasure, lineage, outbox, runs, sweeping, versions
from storage.columns import utc_now
from storage.database import Database
from storage.tables import (
    OPEN_RUN_STATES,
    Erasure,
    ErasureKind,
    ErasureState,
    ModelVersion,
    OutboxState,
    VersionState,
)

log = logging.getLogger(__name__)

#: So long an erasure waits for its runs to end and its receipt to go out.
PATIENCE = timedelta(minutes=10)
AGAIN_AFTER = timedelta(hours=1)
_OUT = (OutboxState.SENT, OutboxState.FAILED)


@dataclass(frozen=True)
class Broom:
    """
    ``home`` is APPRENTICE_HOME; ``on_purged`` is called when the workspace's rows are gone.
    ``elsewhere`` are the trainers that do not keep what they are given in ``home``, by name.
    """

    database: Database
    home: Path
    serve_days: float = SERVE_DAYS
    now: Callable[[], datetime] = utc_now
    on_purged: Callable[[], None] = lambda: None
    elsewhere: Mapping[str, Erasing] = field(default_factory=dict)


def step(broom: Broom) -> bool:
    """Take the next step of each erasure; returns whether anything moved."""
    with broom.database.read() as session:
        is_late = bool(lineage.overdue(session, broom.now()))
        rows = [row for row in erasure.open_erasures(session) if row.due_at <= broom.now()]
    if is_late:
        _retire_overdue(broom)
    # Every one is tried: one that waits for a run must not hold up the others.
    moved = [_advance(broom, row) for row in rows]
    return any(moved) or is_late


def end_overdue(broom: Broom) -> None:
    """Take out at once what is past its day: versions, and workspaces that left."""
    with broom.database.read() as session:
        due = [row for row in erasure.open_erasures(session) if row.due_at <= broom.now()]
    _retire_overdue(broom)
    for row in due:
        if row.kind is ErasureKind.WORKSPACE:
            _purge(broom, row)


def _advance(broom: Broom, row: Erasure) -> bool:
    if row.kind is ErasureKind.WORKSPACE:
        _purge(broom, row)
        return True
    if row.state is ErasureState.ASKED:
        _forget_person(broom, row)
        return True
    return _clear(broom, row)


def _forget_person(broom: Broom, found: Erasure) -> None:
    with broom.database.write() as session:
        row = session.get_one(Erasure, found.id)
        forgetting.forget_person(session, row, Grace(broom.now(), broom.serve_days))
        assert row.user_id is not None
        outbox.put(
            session, row.team_id, receipt_key(row), channel_id=row.user_id, text=receipt_words(row)
        )
        _record(session, row, "person.erased")
    log.info("Erasure %s: the rows are gone", found.receipt)


def receipt_key(row: Erasure) -> str:
    return f"receipt:{row.receipt}"


def receipt_words(row: Erasure) -> str:
    """What the person is told: a receipt to keep, and how many of what are gone."""
    counts = row.counts
    return (
        f"Done: everything of yours is erased. Your receipt is `{row.receipt}`. It counts "
        f"{counts.get('examples', 0)} examples with your question or answer, "
        f"{counts.get('contexts', 0)} with your words in between, "
        f"{counts.get('wordings', 0)} wordings, {counts.get('snapshot_rows', 0)} rows of data "
        f"sets and {counts.get('model_versions', 0)} model versions that learned from them and "
        "are being replaced. Your votes on examples count on without your name. I keep nothing of "
        "yours again; an admin can look the receipt up, and it names no word."
    )


def _clear(broom: Broom, found: Erasure) -> bool:
    """Files first, then the database; waits for runs that still hold files open."""
    with broom.database.read() as session:
        told = outbox.find(session, found.team_id, receipt_key(found))
        working = [
            run_id
            for run_id in found.run_ids
            if (run := runs.get(session, found.team_id, run_id)) and run.state in OPEN_RUN_STATES
        ]
    is_waiting = bool(working) or (told is not None and told.state not in _OUT)
    if is_waiting and broom.now() - found.asked_at < PATIENCE:
        return False
    try:
        for run_id in found.run_ids:
            _clear_run(broom, found.team_id, run_id)
    except TrainingError as problem:
        return _again_later(broom, found, problem)
    shutil.rmtree(broom.home / "exports", ignore_errors=True)
    with broom.database.write() as session:
        row = session.get_one(Erasure, found.id)
        if row.user_id:
            forgetting.take_name_out(session, row, Grace(broom.now(), broom.serve_days))
        if set(row.run_ids) - set(found.run_ids):
            session.add(row)
            return True  # a snapshot was taken meanwhile; the files of its runs are next
        for run_id in row.run_ids:
            # Again: what was asked before the erasure may have been answered after it.
            if run := runs.get(session, row.team_id, run_id):
                lineage.forget_what_was_said(session, run)
        sweeping.blank_delivered(session, row.team_id)
        row.user_id, row.state, row.done_at = None, ErasureState.DONE, broom.now()
        session.add(row)
    # A crash between the two leaves free pages, which are zero by themselves (secure_delete);
    # the next erasure clears what rebalanced pages may hold besides.
    broom.database.scrub()
    log.info("Erasure %s is done", found.receipt)
    return True


def _again_later(broom: Broom, found: Erasure, problem: TrainingError) -> bool:
    """A provider does not answer: what it has is not forgotten, so neither is the erasure."""
    log.warning("Erasure %s is tried again in an hour: %s", found.receipt, problem)
    with broom.database.write() as session:
        row = session.get_one(Erasure, found.id)
        row.due_at = broom.now() + AGAIN_AFTER
        session.add(row)
    return False


def _clear_run(broom: Broom, team_id: str, run_id: int) -> None:
    """Remove what a run was given to learn; the adapter only if its version answers no more."""
    with broom.database.read() as session:
        run = runs.get(session, team_id, run_id)
        version = versions.of_run(session, team_id, run_id)
    is_over = version is None or version.state == VersionState.RETIRED
    if run and run.job_id and run.trainer in broom.elsewhere:
        broom.elsewhere[run.trainer].erase(run.job_id, keep_model=not is_over)
    job_id = run.job_id if run else None
    clear_words(broom.home, run_id, job_id, keep_adapter=not is_over)


def _retire_overdue(broom: Broom) -> None:
    with broom.database.write() as session:
        overdue = lineage.overdue(session, broom.now())
        for version in overdue:
            take_out_of_service(session, version, lineage.FORGETTING)
    for version in overdue:
        log.info("%s learned from words that were erased and answers no more", version.name)
        _remove_adapter(broom, version)


def _remove_adapter(broom: Broom, version: ModelVersion) -> None:
    for path in (version.adapter_path, version.gguf_path):
        if path and (broom.home / path).is_relative_to(broom.home):
            remove(broom.home / path)
    try:
        _clear_run(broom, version.team_id, version.run_id)
    except TrainingError as problem:
        log.warning("Delete the model %s by hand where it is: %s", version.remote_id, problem)


def _purge(broom: Broom, found: Erasure) -> None:
    """
    Delete a workspace that left: files first, for its rows say which, and its erasure last. A
    crash in between begins again with what is left.
    """
    with broom.database.read() as session:
        every = [
            run
            for run_id in sweeping.run_ids(session, found.team_id)
            if (run := runs.get(session, found.team_id, run_id))
        ]
    remove_elsewhere(broom.elsewhere, every)
    remove_all(broom.home, every)
    with broom.database.write() as session:
        counts = sweeping.purge_workspace(session, found.team_id)
    remove_all(broom.home, every)  # what a run wrote while its rows were still there
    broom.database.scrub()
    with broom.database.write() as session:
        sweeping.forget_erasures(session, found.team_id)
    broom.database.scrub()
    log.warning(
        "Slack says that the app was removed from %s: its %d rows are deleted. Install the app "
        "again to begin anew.", found.team_id, sum(counts.values()),
    )  # fmt: skip
    broom.on_purged()


def _record(session: Session, row: Erasure, action: str) -> None:
    audit.record(
        session,
        row.team_id,
        actor=audit.ERASED + row.receipt,
        action=action,
        subject=f"erasure:{row.receipt}",
        details=dict(row.counts),
    )
