"""
Messages as they ought to look in Slack, and how far delivery is. Queries never commit.

A row is posted or updated until ``delivered_revision`` has caught up with ``revision``. Rows of
kind STREAM are written by the answer worker while it streams, and by delivery once it hands them
over with ``release``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, not_, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from storage.columns import is_due, moments, utc_now
from storage.rows import find_one, insert_now, insert_values
from storage.tables import OutboxKind, OutboxMessage, OutboxState

Json = dict[str, Any]

# Put together once: each of these is asked with every message, and that takes longer than asking.
_state = col(OutboxMessage.state)
_DUE = (
    select(OutboxMessage.id)
    .where(_state == OutboxState.PENDING)
    .where(is_due(col(OutboxMessage.not_before)))
    .order_by(col(OutboxMessage.id))
    .limit(1)
    .with_for_update(skip_locked=True)
)
_DUE_FILE = _DUE.where(col(OutboxMessage.kind) == OutboxKind.FILE)
_DUE_MESSAGE = _DUE.where(col(OutboxMessage.kind) != OutboxKind.FILE)
_TAKE = (
    update(OutboxMessage)
    .values(state=OutboxState.POSTING, attempts=col(OutboxMessage.attempts) + 1)
    .returning(OutboxMessage)
    .execution_options(synchronize_session=False, populate_existing=True)
)
_BY_KEY = select(OutboxMessage.id).where(
    col(OutboxMessage.team_id) == bindparam("team_id"), col(OutboxMessage.key) == bindparam("key")
)
_IS_NEWEST = col(OutboxMessage.revision) == bindparam("delivered")
_DELIVERED = (
    update(OutboxMessage)
    .where(col(OutboxMessage.id) == bindparam("row_id"))
    .values(
        delivered_revision=bindparam("delivered"),
        message_ts=func.coalesce(bindparam("ts"), col(OutboxMessage.message_ts)),
        state=case(
            (_IS_NEWEST, OutboxState.SENT.value),
            else_=OutboxState.PENDING.value,
        ),
        attempts=0,
        not_before=bindparam("wait_until"),
        error=None,
    )
    .execution_options(synchronize_session=False)
)


def put(
    session: Session,
    team_id: str,
    key: str,
    *,
    channel_id: str,
    text: str,
    blocks: Sequence[Json] = (),
    thread_ts: str | None = None,
    kind: OutboxKind = OutboxKind.MESSAGE,
    user_id: str | None = None,
    uploads: Sequence[Json] = (),
) -> OutboxMessage:
    """
    Say how the message ``key`` ought to look; delivery does the rest.

    An ephemeral goes out once: a second put under its key changes nothing. ``uploads`` are
    ``{"path", "title", "alt_text"}``; those that were uploaded already are not uploaded again.
    """
    row = find(session, team_id, key)
    if row is None:
        row = OutboxMessage(
            team_id=team_id, key=key, kind=kind, channel_id=channel_id, thread_ts=thread_ts,
            user_id=user_id, text=text, blocks=list(blocks), uploads=list(uploads),
        )  # fmt: skip
        return insert_now(session, row)
    if row.kind is OutboxKind.EPHEMERAL:
        return row
    pictures = _keep_uploaded(row.uploads, uploads)
    if (row.text, row.blocks, row.uploads) != (text, list(blocks), pictures):
        row.text, row.blocks, row.uploads = text, list(blocks), pictures
        row.revision += 1
        if row.state is not OutboxState.POSTING:
            row.state = OutboxState.PENDING
            row.attempts = 0
        session.add(row)
        session.flush()
    return row


def whisper(
    session: Session, team_id: str, key: str, *, channel_id: str, thread_ts: str | None,
    user_id: str, text: str, blocks: Sequence[Json] = (),
) -> None:  # fmt: skip
    """``put`` for what one person sees once and nobody looks at again."""
    asked = {"team_id": team_id, "key": key}
    session.flush()
    if session.connection().execute(_BY_KEY, asked).first() is None:
        insert_values(
            session, OutboxMessage, **asked, kind=OutboxKind.EPHEMERAL, channel_id=channel_id,
            thread_ts=thread_ts, user_id=user_id, text=text, blocks=list(blocks),
        )  # fmt: skip


def find(session: Session, team_id: str, key: str) -> OutboxMessage | None:
    return find_one(session, OutboxMessage, _BY_KEY, {"team_id": team_id, "key": key})


def with_prefix(session: Session, team_id: str, prefix: str) -> list[OutboxMessage]:
    """The messages whose keys begin so: one thing that several people were told."""
    return list(
        session.exec(
            select(OutboxMessage).where(
                col(OutboxMessage.team_id) == team_id,
                col(OutboxMessage.key).startswith(prefix, autoescape=True),
            )
        )
    )


def reserve_stream(
    session: Session, team_id: str, key: str, *, channel_id: str, thread_ts: str, user_id: str
) -> OutboxMessage:
    """Keep a place for a message that is about to be streamed; POSTING until it is known where."""
    row = put(
        session, team_id, key,
        channel_id=channel_id, text="", thread_ts=thread_ts, kind=OutboxKind.STREAM,
        user_id=user_id,
    )  # fmt: skip
    row.state = OutboxState.POSTING
    session.add(row)
    return row


@dataclass(frozen=True)
class Pause:
    """Slack takes no more posts, or no more updates, in one channel for a while."""

    channel_id: str
    is_update: bool


def has_due(
    session: Session, now: datetime | None = None, pauses: frozenset[Pause] = frozenset()
) -> bool:
    """Say whether ``claim`` would find a row; reading needs no turn to write."""
    return session.connection().execute(_due(pauses), moments(now or utc_now())).first() is not None


def claim(
    session: Session, now: datetime | None = None, pauses: frozenset[Pause] = frozenset()
) -> OutboxMessage | None:
    """Take the oldest row that is due; it is POSTING until ``delivered`` or handed back."""
    return _claim(session, _due(pauses), now)


def has_due_file(session: Session, now: datetime | None = None) -> bool:
    """Say whether ``claim_file`` would find a row."""
    return session.exec(_DUE_FILE, params=moments(now or utc_now())).first() is not None


def claim_file(session: Session, now: datetime | None = None) -> OutboxMessage | None:
    """Take the oldest file that is due, as ``claim`` takes messages."""
    return _claim(session, _DUE_FILE, now)


def posting(session: Session) -> list[OutboxMessage]:
    """What a crash left between the decision to post and the knowledge that it was posted."""
    return list(
        session.exec(
            select(OutboxMessage)
            .where(col(OutboxMessage.state) == OutboxState.POSTING)
            .order_by(col(OutboxMessage.id))
        )
    )


def known_timestamps(session: Session, team_id: str, channel_id: str) -> frozenset[str]:
    """The ts of every message in a channel that belongs to a row."""
    found = session.exec(
        select(OutboxMessage.message_ts).where(
            col(OutboxMessage.team_id) == team_id,
            col(OutboxMessage.channel_id) == channel_id,
            col(OutboxMessage.message_ts).is_not(None),
        )
    )
    return frozenset(ts for ts in found if ts)


def posted_at(
    session: Session, row_id: int, message_ts: str, channel_id: str | None = None
) -> None:
    """Note where the message is, as soon as it is known; a direct message learns its channel."""
    row = session.get_one(OutboxMessage, row_id)
    row.message_ts = message_ts
    row.channel_id = channel_id or row.channel_id
    session.add(row)


def uploaded(session: Session, row_id: int, uploads: Sequence[Json]) -> None:
    """Note the file ids of pictures, so that they are uploaded once."""
    row = session.get_one(OutboxMessage, row_id)
    row.uploads = _keep_uploaded(uploads, row.uploads)
    session.add(row)


def delivered(
    session: Session,
    row_id: int,
    revision: int,
    message_ts: str | None,
    not_before: datetime | None = None,
) -> None:
    """Note that Slack shows ``revision``; a newer one is due, at ``not_before`` at the earliest."""
    session.exec(
        _DELIVERED,
        params={
            "row_id": row_id, "delivered": revision, "ts": message_ts, "wait_until": not_before,
        },
    )  # fmt: skip


def release(session: Session, row: OutboxMessage, not_before: datetime | None = None) -> None:
    """Hand a row (back) to delivery, with its count of attempts."""
    known = session.get_one(OutboxMessage, row.id)
    known.state, known.not_before, known.attempts = OutboxState.PENDING, not_before, row.attempts
    session.add(known)


def fail(session: Session, row: OutboxMessage, error: str) -> None:
    """Give a revision up; a newer one is tried again."""
    known = session.get_one(OutboxMessage, row.id)
    known.state = OutboxState.FAILED if known.revision == row.revision else OutboxState.PENDING
    known.error = error
    session.add(known)


def give_up_waiting(session: Session, team_id: str, error: str) -> None:
    """Give up everything of a workspace that has not gone out."""
    session.flush()
    session.connection().execute(
        update(OutboxMessage)
        .where(
            col(OutboxMessage.team_id) == team_id,
            col(OutboxMessage.state).in_((OutboxState.PENDING, OutboxState.POSTING)),
        )
        .values(state=OutboxState.FAILED, error=error)
    )
    session.expire_all()


def _keep_uploaded(before: Sequence[Json], after: Sequence[Json]) -> list[Json]:
    """Carry file ids over to the same pictures of a newer revision."""
    file_ids = {picture["path"]: picture.get("file_id") for picture in before}
    return [
        {**picture, "file_id": file_ids[picture["path"]]}
        if file_ids.get(picture["path"]) and not picture.get("file_id")
        else dict(picture)
        for picture in after
    ]


def _claim(
    session: Session, due: SelectOfScalar[Any], now: datetime | None
) -> OutboxMessage | None:
    return session.scalars(_taking(due), moments(now or utc_now())).first()


@lru_cache(16)
def _taking(due: SelectOfScalar[Any]) -> ReturningUpdate[OutboxMessage]:
    return _TAKE.where(col(OutboxMessage.id) == due.scalar_subquery())


@lru_cache(16)
def _due(pauses: frozenset[Pause]) -> SelectOfScalar[Any]:
    return _DUE_MESSAGE.where(*(not_(_falls_under(pause)) for pause in pauses))


def _falls_under(pause: Pause) -> ColumnElement[bool]:
    has_ts = col(OutboxMessage.message_ts).is_not(None)
    return and_(
        col(OutboxMessage.channel_id) == pause.channel_id,
        has_ts if pause.is_update else not_(has_ts),
    )
