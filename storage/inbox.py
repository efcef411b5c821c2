"""
What came in from Slack, each thing once under its natural key, and how far the work on it is.

Refuses text: payloads hold identifiers. Queries never commit.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, col, select, update

from storage.chunks import chunks
from storage.columns import utc_now
from storage.tables import InboxItem, InboxKind, InboxState


def receive(
    session: Session,
    team_id: str,
    kind: InboxKind,
    key: str,
    payload: dict[str, Any],
    order_key: str,
) -> bool:
    """
    Keep an event unless it is known already, or older than what is known under its key.

    ``order_key`` is Slack's own time of the event (``"1700000000.000100"``). Returns whether
    there is something new to do.
    """
    known = _find(session, team_id, kind, key)
    if known is None:
        session.add(
            InboxItem(team_id=team_id, kind=kind, key=key, payload=payload, order_key=order_key)
        )
        session.flush()
        return True
    if order_key <= known.order_key:
        return False
    known.order_key = order_key
    _renew(session, known, payload)
    return True


def reopen(
    session: Session,
    team_id: str,
    kind: InboxKind,
    keys: Iterable[str],
    since: str = "",
    **more: Any,
) -> None:
    """Work once more on those of the rows that are newer than ``since``; ``more`` is for it."""
    for some in chunks(keys):
        found = select(InboxItem).where(
            col(InboxItem.team_id) == team_id,
            col(InboxItem.kind) == kind,
            col(InboxItem.key).in_(some),
            col(InboxItem.order_key) > since,
        )
        for row in session.exec(found):
            _renew(session, row, {**row.payload, **more})


def due(
    session: Session,
    limit: int = 1,
    *,
    without: Collection[InboxKind] = (),
    now: datetime | None = None,
) -> list[InboxItem]:
    """The oldest rows whose time has come."""
    is_due = or_(
        col(InboxItem.not_before).is_(None), col(InboxItem.not_before) <= (now or utc_now())
    )
    return list(
        session.exec(
            select(InboxItem)
            .where(col(InboxItem.state) == InboxState.NEW, is_due)
            .where(col(InboxItem.kind).not_in(without))
            .order_by(col(InboxItem.id))
            .limit(limit)
        )
    )


def take(session: Session, items: Iterable[InboxItem]) -> None:
    """Each row is WORKING until finished or handed back."""
    for item in items:
        item.state = InboxState.WORKING
        item.attempts += 1
        session.add(item)


def finish(session: Session, item_id: int, revision: int) -> None:
    """Close a row; one that changed while it was worked on is opened again instead."""
    _close(session, item_id, revision, InboxState.DONE, None)


def fail(session: Session, item_id: int, revision: int, error: str) -> None:
    """Give a row up; ``error`` is for whoever reads the table."""
    _close(session, item_id, revision, InboxState.FAILED, error)


def retry_later(session: Session, item: InboxItem, not_before: datetime, error: str) -> None:
    """Hand a row back, with its count of attempts, until its time comes."""
    row = session.get_one(InboxItem, item.id)
    row.state, row.attempts = InboxState.NEW, item.attempts
    row.not_before, row.error = not_before, error
    session.add(row)


def take_up_again(session: Session) -> int:
    """Open what a crash left under work; returns how many rows."""
    result = session.exec(
        update(InboxItem)
        .where(col(InboxItem.state) == InboxState.WORKING)
        .values(state=InboxState.NEW)
    )
    return int(result.rowcount)


def _renew(session: Session, row: InboxItem, payload: dict[str, Any]) -> None:
    row.payload = payload
    row.revision += 1
    row.attempts, row.not_before, row.error = 0, None, None
    # A row under work stays with its worker; `finish` sees the new revision and opens it again.
    if row.state is not InboxState.WORKING:
        row.state = InboxState.NEW
    session.add(row)


def _close(
    session: Session, item_id: int, revision: int, state: InboxState, error: str | None
) -> None:
    # No row is read: in a rush that is a good part of what an event costs.
    row = update(InboxItem).where(col(InboxItem.id) == item_id)
    closed = row.where(col(InboxItem.revision) == revision).values(state=state, error=error)
    if not session.exec(closed).rowcount:
        session.exec(row.values(state=InboxState.NEW, error=error))


def _find(session: Session, team_id: str, kind: InboxKind, key: str) -> InboxItem | None:
    return session.exec(
        select(InboxItem).where(
            col(InboxItem.team_id) == team_id,
            col(InboxItem.kind) == kind,
            col(InboxItem.key) == key,
        )
    ).first()
