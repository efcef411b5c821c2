"""
What came in from Slack, each thing once under its natural key, and how far the work on it is.

Refuses text: payloads hold identifiers. Queries never commit.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from storage.chunks import chunks
from storage.columns import is_due, moments, utc_now
from storage.rows import find_one
from storage.tables import InboxItem, InboxKind, InboxState

# Put together once: these are asked for every event, and that takes longer than asking.
_BY_KEY = select(InboxItem.id).where(
    col(InboxItem.team_id) == bindparam("team_id"),
    col(InboxItem.kind) == bindparam("kind"),
    col(InboxItem.key) == bindparam("key"),
)
_INSERT = insert(InboxItem)
_DUE = (
    select(InboxItem)
    .where(col(InboxItem.state) == InboxState.NEW)
    .where(is_due(col(InboxItem.not_before)))
    .order_by(col(InboxItem.id))
    .limit(bindparam("at_most"))
)
_CLOSE = (
    update(InboxItem)
    .where(col(InboxItem.id) == bindparam("row_id"), col(InboxItem.revision) == bindparam("seen"))
    .values(state=bindparam("closed"), error=bindparam("why"))
)


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
        session.connection().execute(
            _INSERT,
            {
                "team_id": team_id, "kind": kind, "key": key, "order_key": order_key,
                "revision": 1, "payload": payload, "state": InboxState.NEW, "attempts": 0,
                "received_at": utc_now(),
            },
        )  # fmt: skip
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
    besides: Collection[int] = (),
    now: datetime | None = None,
) -> list[InboxItem]:
    """The oldest rows whose time has come, besides those that are under work."""
    asked: dict[str, Any] = {**moments(now or utc_now()), "at_most": limit}
    if besides:
        asked["besides"] = list(besides)
    return list(session.exec(_due(frozenset(without), bool(besides)), params=asked))


def finish(session: Session, item_id: int, revision: int) -> None:
    """Close a row; one that changed while it was worked on stays new instead."""
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
    """Open what an earlier version noted as under work; returns how many rows."""
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
    row.state = InboxState.NEW
    session.add(row)


def _close(
    session: Session, item_id: int, revision: int, state: InboxState, error: str | None
) -> None:
    # No row is read: in a rush that is a good part of what an event costs. One that changed while
    # it was worked on has another revision, and stays new.
    closed = {"row_id": item_id, "seen": revision, "closed": state, "why": error}
    session.flush()
    session.connection().execute(_CLOSE, closed)


@lru_cache
def _due(without: frozenset[InboxKind], has_besides: bool) -> SelectOfScalar[InboxItem]:
    found = _DUE.where(col(InboxItem.kind).not_in(without)) if without else _DUE
    if has_besides:
        found = found.where(col(InboxItem.id).not_in(bindparam("besides", expanding=True)))
    return found


def _find(session: Session, team_id: str, kind: InboxKind, key: str) -> InboxItem | None:
    asked = {"team_id": team_id, "kind": kind, "key": key}
    return find_one(session, InboxItem, _BY_KEY, asked)
