"""
What was learned from an example: snapshots, runs, model versions. Queries never commit.

When words are erased, everything made from them is marked in the same transaction: rows of
snapshots become tombstones whose hash still proves the rest, runs under way end, versions get a
day after which they answer nobody.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storage import audit, runs, versions
from storage.audience import WORKSPACE
from storage.chunks import chunks
from storage.tables import (
    OPEN_RUN_STATES,
    EvaluationAnswer,
    ModelVersion,
    Run,
    RunState,
    Snapshot,
    SnapshotRow,
    VersionState,
)

#: Who asked for a run, or for its end, because something was erased.
FORGETTING = "forgetting"
#: From the first mark to the last: what is quoted may hold marks itself.
_QUOTED = re.compile("“.*”", re.DOTALL)
_Made = TypeVar("_Made", ModelVersion, Run)


@dataclass
class Marked:
    """What was found to have seen erased words."""

    rows: int = 0
    snapshot_ids: set[int] = field(default_factory=set)
    run_ids: set[int] = field(default_factory=set)
    version_names: set[str] = field(default_factory=set)


def mark(
    session: Session,
    team_id: str,
    example_ids: Collection[int],
    *,
    now: datetime,
    serve_until: datetime,
    audience: str | None = None,
    made_since: datetime | None = None,
) -> Marked:
    """
    Blank what snapshots hold of the examples and mark everything made from these snapshots.

    A version that is live may answer until ``serve_until``; all others end now. ``audience``
    limits it to the snapshots of one audience, ``made_since`` to those that are not older than what
    is erased of the examples. Queues a run where something live was marked.
    """
    marked = Marked()
    for row in _rows(session, team_id, example_ids, audience, made_since):
        row.question, row.context, row.answer, row.erased = "", [], "", True
        session.add(row)
        marked.rows += 1
        marked.snapshot_ids.add(row.snapshot_id)
    if marked.snapshot_ids:
        audiences = _mark_versions(session, team_id, marked, now, serve_until)
        audiences |= _end_runs(session, team_id, marked)
        for name in sorted(audiences):
            _train_again(session, team_id, name)
    _blank_quotes(session, team_id, set(example_ids), marked, audience)
    session.flush()
    return marked


def versions_marked(session: Session, run_ids: Collection[int]) -> int:
    """How many versions that these runs made have seen erased words."""
    return sum(
        session.exec(
            select(func.count(col(ModelVersion.id))).where(
                col(ModelVersion.run_id).in_(some), col(ModelVersion.tainted_at).is_not(None)
            )
        ).one()
        for some in chunks(run_ids)
    )


def forget_what_was_said(session: Session, run: Run) -> None:
    """
    Take out of a run what its trainer or a check said of it, for it may repeat a row: the events,
    and in the reason it failed what stands in quotation marks. What to do about it stays.
    """
    if run.error:
        run.error = _QUOTED.sub("“…”", run.error)
    run.record = {name: value for name, value in run.record.items() if name != "events"}
    session.add(run)


def overdue(session: Session, now: datetime) -> list[ModelVersion]:
    """The versions of all workspaces whose time to answer is over."""
    return list(
        session.exec(
            select(ModelVersion).where(
                col(ModelVersion.serve_until) <= now,
                col(ModelVersion.state) != VersionState.RETIRED,
            )
        )
    )


def _rows(
    session: Session,
    team_id: str,
    example_ids: Collection[int],
    audience: str | None,
    made_since: datetime | None,
) -> Iterator[SnapshotRow]:
    for some in chunks(example_ids):
        found = (
            select(SnapshotRow)
            .join(Snapshot, col(Snapshot.id) == col(SnapshotRow.snapshot_id))
            .where(
                col(SnapshotRow.team_id) == team_id,
                col(SnapshotRow.example_id).in_(some),
                col(SnapshotRow.erased).is_(False),
            )
        )
        if audience is not None:
            found = found.where(col(Snapshot.audience) == audience)
        if made_since is not None:
            found = found.where(col(Snapshot.created_at) >= made_since)
        yield from session.exec(found).all()


def _mark_versions(
    session: Session, team_id: str, marked: Marked, now: datetime, serve_until: datetime
) -> set[str]:
    audiences = set()
    for version in _of_snapshots(session, team_id, ModelVersion, marked.snapshot_ids):
        marked.version_names.add(version.name)
        live = versions.live(session, team_id, version.audience)
        is_live = live is not None and live.version_id == version.id
        if is_live:
            audiences.add(version.audience)
        latest = serve_until if is_live else now
        if version.tainted_at is None:
            version.tainted_at = now
            audit.record(
                session, team_id, actor=FORGETTING, action="version.tainted",
                subject=f"version:{version.name}", audience=version.audience,
            )  # fmt: skip
        version.serve_until = min(version.serve_until or latest, latest)
        session.add(version)
    return audiences


def _end_runs(session: Session, team_id: str, marked: Marked) -> set[str]:
    """Runs under way end and begin anew; what was answered while judging is blanked."""
    audiences = set()
    for run in _of_snapshots(session, team_id, Run, marked.snapshot_ids):
        assert run.id is not None
        marked.run_ids.add(run.id)
        forget_what_was_said(session, run)
        if run.state in OPEN_RUN_STATES:
            runs.ask_to_cancel(session, run, FORGETTING)
            audiences.add(run.audience)
    for some in chunks(marked.run_ids):
        session.connection().execute(
            update(EvaluationAnswer)
            .where(col(EvaluationAnswer.team_id) == team_id, col(EvaluationAnswer.run_id).in_(some))
            .values(text="", asked=None)
        )
    return audiences


def _blank_quotes(
    session: Session, team_id: str, example_ids: set[int], marked: Marked, audience: str | None
) -> None:
    """
    Blank the answers with one of the examples in their prompt, whatever they were trained on:
    what nobody may train on is in no snapshot, and is shown to models all the same.
    """
    answers = (
        select(EvaluationAnswer.id, EvaluationAnswer.run_id, EvaluationAnswer.example_ids)
        .join(Run, col(Run.id) == col(EvaluationAnswer.run_id))
        .where(col(EvaluationAnswer.team_id) == team_id, col(EvaluationAnswer.text) != "")
    )
    if audience is not None:
        answers = answers.where(col(Run.audience) == audience)
    quoting = [
        (answer_id or 0, run_id)
        for answer_id, run_id, shown in session.exec(answers)
        if not example_ids.isdisjoint(shown)
    ]
    marked.run_ids |= {run_id for _, run_id in quoting}
    for some in chunks(answer_id for answer_id, _ in quoting):
        session.connection().execute(
            update(EvaluationAnswer)
            .where(col(EvaluationAnswer.id).in_(some))
            .values(text="", asked=None)
        )


def _train_again(session: Session, team_id: str, audience: str) -> None:
    """Queue one run, unless one waits that has not taken its snapshot yet."""
    before = session.exec(
        select(Run)
        .where(col(Run.team_id) == team_id, col(Run.audience) == audience)
        .order_by(col(Run.id).desc())
    ).first()
    waiting = before is not None and before.state is RunState.QUEUED
    if before is None or (waiting and before.cancel_requested_by is None):
        return
    runs.enqueue(
        session,
        team_id,
        audience or WORKSPACE,
        trainer=before.trainer,
        requested_by=FORGETTING,
        channel_id=None,
    )


def _of_snapshots(
    session: Session, team_id: str, table: type[_Made], snapshot_ids: Iterable[int]
) -> Iterator[_Made]:
    for some in chunks(snapshot_ids):
        yield from session.exec(
            select(table).where(col(table.team_id) == team_id, col(table.snapshot_id).in_(some))
        ).all()
