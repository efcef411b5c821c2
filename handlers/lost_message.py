"""
Finding a message that was posted although its ts was never noted, as after a crash.

Ours carry their outbox key as metadata. A stream gets its metadata only at its end, so one that
broke off is known by being ours, without a key, and in no row of the outbox.
"""

import threading

from slack_sdk import WebClient

from handlers.deps import Payload
from handlers.thread import channel_with_metadata, key_of, thread_with_metadata
from storage import outbox, questions
from storage.database import Database
from storage.tables import OutboxKind, OutboxMessage

#: Held from opening a stream until its ts is noted, and while looking for a lost one: a stream
#: that is just being opened looks lost.
OPENING = threading.Lock()


def find_lost(
    row: OutboxMessage, database: Database, client: WebClient, bot_user_id: str
) -> str | None:
    """
    Return where the row's message is, and note it; None where there is none.

    Raises:
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    if row.message_ts:
        return row.message_ts
    with OPENING:
        with database.read() as session:
            known = outbox.known_timestamps(session, row.team_id, row.channel_id)
        found = _find(_messages_around(client, row), row, known, bot_user_id)
        if found:
            note_ts(row, database, found)
    return found


def note_ts(row: OutboxMessage, database: Database, message_ts: str) -> None:
    """Keep where the row's message is; a question learns where its answer is."""
    assert row.id is not None
    with database.write() as session:
        outbox.posted_at(session, row.id, message_ts)
        row.message_ts = message_ts
        questions.note_answer_ts(session, row)


def _find(
    messages: list[Payload], row: OutboxMessage, known: frozenset[str], bot_user_id: str
) -> str | None:
    if ts := next((m["ts"] for m in messages if key_of(m) == row.key), None):
        return str(ts)
    if row.kind is not OutboxKind.STREAM:
        return None
    orphans = (
        m["ts"]
        for m in messages
        if m.get("user") == bot_user_id and key_of(m) is None and m["ts"] not in known
    )
    return next(orphans, None)


def _messages_around(client: WebClient, row: OutboxMessage) -> list[Payload]:
    # Clocks differ: a minute before the row was made is early enough.
    oldest = f"{row.created_at.timestamp() - 60:.6f}"
    if row.thread_ts:
        return thread_with_metadata(client, row.channel_id, row.thread_ts, oldest=oldest)
    return channel_with_metadata(client, row.channel_id, oldest=oldest)
