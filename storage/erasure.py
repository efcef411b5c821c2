"""
Which messages an example comes from, the blanking of what was taken back, and the ``Erasure`` rows
that say how far it has come. Queries never commit.

``storage.traces`` finds what is to go; ``storage.sweeping`` takes a person's id out of every table.
"""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, or_, select

from storage import runs
from storage.chunks import chunks
from storage.columns import utc_now
from storage.tables import (
    Erasure,
    ErasureState,
    Example,
    ExampleMessage,
    ExampleState,
    InboxItem,
    InboxKind,
    Part,
    Revision,
    Run,
    SnapshotRow,
    Unanswered,
    UnansweredAsk,
    Wording,
)

_INSERT = sa.insert(ExampleMessage)
# Put together once: capture asks this for every vote, and that takes longer than asking.
_DELETED = select(InboxItem.key).where(
    col(InboxItem.team_id) == sa.bindparam("team_id"),
    col(InboxItem.kind) == InboxKind.MESSAGE_DELETED,
    col(InboxItem.key).in_(sa.bindparam("keys", expanding=True)),
)


def record_messages(
    session: Session,
    example: Example,
    messages: Iterable[tuple[str, str | None, str]],
    *,
    is_new: bool = False,
) -> None:
    """
    Note which messages an example's words come from: ``(ts, user id, part)`` each.

    Of an example that ``is_new`` none is known.
    """
    assert example.id is not None
    assert example.channel_id is not None
    if is_new:
        rows = {
            ts: {
                "team_id": example.team_id, "example_id": example.id,
                "channel_id": example.channel_id, "message_ts": ts, "user_id": user_id,
                "part": Part(part),
            }
            for ts, user_id, part in messages
        }  # fmt: skip
        session.connection().execute(_INSERT, list(rows.values()))
        return
    known = {row.message_ts: row for row in _messages(session, example)}
    for ts, user_id, part in messages:
        row = known.get(ts) or ExampleMessage(
            team_id=example.team_id,
            example_id=example.id,
            channel_id=example.channel_id,
            message_ts=ts,
            part=Part(part),
        )
        row.user_id, row.part, known[ts] = user_id, Part(part), row
        session.add(row)


def is_deleted(session: Session, team_id: str, channel_id: str, ts: Iterable[str]) -> bool:
    """Say whether Slack told us that one of the messages is gone."""
    return bool(deleted_of(session, team_id, {(channel_id, one) for one in ts}))


def deleted_of(
    session: Session, team_id: str, messages: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of the messages, ``(channel, ts)`` each, of which Slack told us that they are gone."""
    keys = {f"{channel_id}:{ts}": (channel_id, ts) for channel_id, ts in messages}
    gone: set[tuple[str, str]] = set()
    for some in chunks(keys):
        session.flush()
        asked = {"team_id": team_id, "keys": some}
        gone.update(keys[key] for key in session.connection().execute(_DELETED, asked).scalars())
    return gone


def blank(session: Session, example: Example) -> None:
    """Take every word out of an example, and everything that hangs on it; its id stays."""
    assert example.id is not None
    _forget_wordings_of_merged(session, example)
    example.question = example.answer = ""
    example.context, example.tags, example.proposal = [], [], None
    example.original_answer = example.permalink = None
    example.asker_id = example.author_id = None
    example.channel_id = example.thread_ts = example.question_ts = example.answer_ts = None
    example.held_reason = example.stale_reason = example.stale_since = None
    example.state = ExampleState.WITHDRAWN
    example.erased_at = example.updated_at = utc_now()
    session.add(example)
    session.flush()
    for table, column, is_only_a_link in _hanging_on_examples():
        hangs = column == example.id
        change = sa.update(table).values({column.name: None}) if is_only_a_link else None
        session.connection().execute(
            sa.delete(table).where(hangs) if change is None else change.where(hangs)
        )


def blank_context(session: Session, example: Example) -> None:
    """Take the turns in between out of an example and all its revisions."""
    example.context, example.proposal = [], None
    example.updated_at = utc_now()
    session.add(example)
    session.flush()
    connection = session.connection()
    connection.execute(
        sa.update(Revision).where(col(Revision.example_id) == example.id).values(context=[])
    )
    connection.execute(
        sa.delete(ExampleMessage).where(
            col(ExampleMessage.example_id) == example.id,
            col(ExampleMessage.part) == Part.CONTEXT,
        )
    )


def drop_unanswered(session: Session, team_id: str, asks: Iterable[UnansweredAsk]) -> int:
    """
    Forget that somebody asked, and the question itself where the words are theirs: those of who
    asked first. Returns how many questions are gone.
    """
    dropped = 0
    for ask in asks:
        first = session.exec(
            select(UnansweredAsk.id)
            .where(
                col(UnansweredAsk.team_id) == team_id,
                col(UnansweredAsk.unanswered_id) == ask.unanswered_id,
            )
            .order_by(col(UnansweredAsk.id))
        ).first()
        if first is None:
            continue  # the same person asked it twice, and it went with the first time
        if first == ask.id:
            session.delete(session.get_one(Unanswered, ask.unanswered_id))
            dropped += 1
        else:
            session.delete(ask)
        session.flush()
    return dropped


def open_erasures(session: Session) -> list[Erasure]:
    """What is not erased to the last byte yet, of all workspaces, oldest first."""
    return list(
        session.exec(
            select(Erasure).where(col(Erasure.state) != ErasureState.DONE).order_by(col(Erasure.id))
        )
    )


def runs_touched_since(session: Session, since: datetime) -> list[Run]:
    """The runs of all workspaces of which something was erased since then, or is being erased."""
    found = session.exec(
        select(Erasure).where(
            or_(col(Erasure.state) != ErasureState.DONE, col(Erasure.done_at) > since)
        )
    )
    wanted = [(row.team_id, run_id) for row in found for run_id in row.run_ids]
    return [run for team_id, run_id in wanted if (run := runs.get(session, team_id, run_id))]


def find_receipt(session: Session, team_id: str, receipt: str) -> Erasure | None:
    return session.exec(
        select(Erasure).where(
            col(Erasure.team_id) == team_id, col(Erasure.receipt) == receipt.strip().lower()
        )
    ).first()


def _messages(session: Session, example: Example) -> list[ExampleMessage]:
    return list(
        session.exec(select(ExampleMessage).where(col(ExampleMessage.example_id) == example.id))
    )


def _forget_wordings_of_merged(session: Session, example: Example) -> None:
    """What was merged into another example left its question there as a wording."""
    kept_in = getattr(example, "merged_into", None)
    if kept_in is None:
        return
    own = session.exec(select(Wording.text).where(col(Wording.example_id) == example.id)).all()
    for some in ([example.question], list(own)):
        session.connection().execute(
            sa.delete(Wording).where(
                col(Wording.example_id) == kept_in, col(Wording.text).in_(some)
            )
        )


def _hanging_on_examples() -> list[tuple[sa.Table, sa.Column[int], bool]]:
    """
    Every column that refers to an example, tables of later versions included, and whether its row
    lives on without the example.
    """
    example = Example.__table__  # type: ignore[attr-defined]
    kept = {example.name, SnapshotRow.__tablename__}
    found = []
    for table in reversed(SQLModel.metadata.sorted_tables):
        if table.name in kept:
            continue
        for column in table.columns:
            keys = [key for key in column.foreign_keys if key.column.table is example]
            if keys or column.name == "example_id":
                found.append((table, column, any(key.ondelete == "SET NULL" for key in keys)))
    return found
