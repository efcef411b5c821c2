"""
Works on what came in, one row at a time; knows the kinds only by the functions it is given.

A row that cannot be worked on because Slack cannot be reached waits and is tried again; one that
fails for good is closed with a log line, and who asked something is told.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from handlers.deps import Checkpoint
from handlers.retry import SLACK_ERRORS, code_of, is_passing, retry_after_seconds
from storage import inbox, outbox
from storage.columns import utc_now
from storage.database import Database
from storage.tables import InboxItem, InboxKind

log = logging.getLogger(__name__)

Worker = Callable[[InboxItem], None]

#: Waiting 2, 4, 8 … seconds in between, the last attempt is made after about 8 minutes.
MAX_ATTEMPTS = 9
#: A row that our own code cannot work on is not worth more.
MAX_CRASHES = 3


def step(
    database: Database,
    workers: Mapping[InboxKind, Worker],
    checkpoint: Checkpoint = lambda step: None,
) -> bool:
    """Work on the oldest row; returns whether there was one."""
    item = _claim(database)
    if item is None:
        return False
    checkpoint("item claimed")
    is_handled = False
    try:
        _work(item, database, workers, checkpoint)
        is_handled = True
    finally:
        # What our code did not foresee is logged by the loop; the row must not stay half done.
        if not is_handled:
            _hand_back(item, database, "unforeseen, see the log", MAX_CRASHES, 2.0)
    return True


def _claim(database: Database) -> InboxItem | None:
    with database.read() as session:
        if not inbox.has_due(session):
            return None
    with database.write() as session:
        return inbox.claim(session)


def _work(
    item: InboxItem,
    database: Database,
    workers: Mapping[InboxKind, Worker],
    checkpoint: Checkpoint,
) -> None:
    assert item.id is not None
    try:
        if worker := workers.get(item.kind):
            worker(item)
        checkpoint("item worked on")
    except SLACK_ERRORS as error:
        if code_of(error) == "ratelimited":
            item.attempts -= 1  # waiting for one's turn is no failure
        attempts = MAX_ATTEMPTS if is_passing(error) else item.attempts
        wait = retry_after_seconds(error, default=2.0**item.attempts)
        log.warning("Inbox row %d: Slack says %s", item.id, error)
        _hand_back(item, database, str(error), attempts, wait)
        return
    with database.write() as session:
        inbox.finish(session, item.id, item.revision)


def _hand_back(
    item: InboxItem, database: Database, error: str, max_attempts: int, wait_seconds: float
) -> None:
    assert item.id is not None
    with database.write() as session:
        if item.attempts < max_attempts:
            not_before = utc_now() + timedelta(seconds=wait_seconds)
            inbox.retry_later(session, item, not_before, error)
            return
        inbox.fail(session, item.id, item.revision, error)
        log.error("Inbox row %d (%s %s) is given up", item.id, item.kind, item.key)
        if item.kind is InboxKind.MENTION:
            outbox.put(
                session, item.team_id, f"apology:{item.key}",
                channel_id=item.payload["channel_id"], thread_ts=item.payload["thread_ts"],
                text="Sorry, I could not take up your question. Please ask again in a minute.",
            )  # fmt: skip
