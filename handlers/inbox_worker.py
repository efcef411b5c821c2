"""
Works on what came in, several rows at once; knows the kinds only by the functions it is given.

A row that cannot be worked on because Slack cannot be reached waits and is tried again; one that
fails for good is closed with a log line, and who asked something is told.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from sqlmodel import Session

from handlers.deps import Checkpoint
from handlers.retry import SLACK_ERRORS, code_of, is_passing, retry_after_seconds
from storage import inbox, outbox
from storage.columns import utc_now
from storage.database import Database
from storage.tables import InboxItem, InboxKind

log = logging.getLogger(__name__)

#: Works on a row; True says that it closed the row in a transaction of its own.
Worker = Callable[[InboxItem], bool | None]
#: Runs a piece of work, in another thread or at once.
Start = Callable[[Callable[[], None]], Any]

#: Reading a thread takes Slack some 300 ms; so many at once keep up with 50 events a second.
AT_ONCE = 16
#: So many rows within a second are a rush.
RUSH = 10
#: Waiting 2, 4, 8 … seconds in between, the last attempt is made after about 8 minutes.
MAX_ATTEMPTS = 9
#: A row that our own code cannot work on is not worth more.
MAX_CRASHES = 3


@dataclass(frozen=True)
class _Ending:
    """What became of a row; ``error`` is None where it is done, ``is_closed`` if that is noted."""

    item: InboxItem
    is_closed: bool = False
    error: str | None = None
    max_attempts: int = 0
    wait_seconds: float = 0.0


class Crew:
    """
    One thread calls ``step`` for ever; the work itself is run by ``start``.

    What is under work is known here and nowhere else: a crash leaves the row as it was. What one
    person did to one message is worked on in its order. An edited message has its channel for
    itself: whoever read the thread before the edit must have kept it before the edit is followed.
    """

    def __init__(
        self,
        database: Database,
        workers: Mapping[InboxKind, Worker],
        start: Start,
        *,
        at_once: int = AT_ONCE,
        checkpoint: Checkpoint = lambda step: None,
    ) -> None:
        self._database = database
        self._workers = workers
        self._start = start
        self._at_once = at_once
        self._checkpoint = checkpoint
        self._under_work: dict[int, InboxItem] = {}
        self._endings: SimpleQueue[_Ending] = SimpleQueue()
        self._pauses: dict[InboxKind, float] = {}  # until when, on the monotonic clock
        self._handed_out: deque[float] = deque(maxlen=RUSH)  # when, on the monotonic clock

    def step(self) -> bool:
        """Close what was worked on, hand out what is due; returns whether there may be more."""
        self._close_ended()
        limit = self._at_once - len(self._under_work)
        items = self._next(limit) if limit > 0 else []
        for item in items:
            item.attempts += 1
            self._under_work[item.id or 0] = item
        self._handed_out.extend([time.monotonic()] * len(items))
        for item in items:
            self._start(partial(self._work, item))
        # What is due may have to wait for what is under work.
        return (bool(items) and len(items) == limit) or not self._endings.empty()

    def is_rushed(self) -> bool:
        """Say whether so much comes in that what has time had better wait."""
        newest = list(self._handed_out)
        return len(newest) == RUSH and time.monotonic() - newest[0] < 1.0

    def close(self) -> None:
        """Close what was worked on, when nothing more is to be handed out."""
        self._at_once = 0
        self.step()

    def _close_ended(self) -> None:
        endings: list[_Ending] = []
        with suppress(Empty):
            while True:
                endings.append(self._endings.get_nowait())
        try:
            self._close_all([ending for ending in endings if not ending.is_closed])
        except BaseException:
            for ending in endings:
                self._endings.put(ending)
            raise
        for ending in endings:
            self._under_work.pop(ending.item.id or 0, None)

    def _close_all(self, endings: Sequence[_Ending]) -> None:
        """In one transaction for all that are ready, if there are any."""
        if endings:
            with self._database.write(redoable=True) as session:
                for ending in endings:
                    _close(session, ending)

    def _next(self, limit: int) -> list[InboxItem]:
        """The oldest rows that may be worked on beside those that are."""
        besides = self._under_work.keys()
        with self._database.read() as session:
            for at_most in (limit, limit + self._at_once):
                found = inbox.due(session, at_most, without=self._paused(), besides=besides)
                chosen = self._free(found)
                # Some of the oldest may have to wait for others: only then are more looked at.
                if len(chosen) >= limit or len(found) < at_most:
                    break
        return chosen[:limit]

    def _free(self, found: Sequence[InboxItem]) -> list[InboxItem]:
        """What has to wait neither for what is under work nor for what came before it."""
        ahead = _Ahead()
        for item in self._under_work.values():
            ahead.add(item)
        chosen: list[InboxItem] = []
        for item in found:
            if not ahead.holds_up(item):
                chosen.append(item)
            ahead.add(item)
        return chosen

    def _paused(self) -> list[InboxKind]:
        now = time.monotonic()
        return [kind for kind, until in list(self._pauses.items()) if until > now]

    def _work(self, item: InboxItem) -> None:
        self._checkpoint("item claimed")
        try:
            ending = self._attempt(item)
        except Exception:  # the row must not stay half done, nor end the work on all others
            log.exception("Inbox row %d failed", item.id)
            ending = _Ending(
                item, error="unforeseen, see the log", max_attempts=MAX_CRASHES, wait_seconds=2.0
            )
        self._endings.put(ending)
        self._database.wake("inbox")

    def _attempt(self, item: InboxItem) -> _Ending:
        try:
            worker = self._workers.get(item.kind)
            is_closed = bool(worker and worker(item))
            self._checkpoint("item worked on")
        except SLACK_ERRORS as error:
            wait = retry_after_seconds(error, default=2.0**item.attempts)
            if code_of(error) == "ratelimited":
                item.attempts -= 1  # waiting for one's turn is no failure
                # The others of its kind would only be told the same.
                self._pauses[item.kind] = time.monotonic() + wait
            attempts = MAX_ATTEMPTS if is_passing(error) else item.attempts
            log.warning("Inbox row %d: Slack says %s", item.id, error)
            return _Ending(item, error=str(error), max_attempts=attempts, wait_seconds=wait)
        return _Ending(item, is_closed)


class _Ahead:
    """Rows that came before others, and which of those have to wait for them."""

    def __init__(self) -> None:
        self._acts: set[tuple[str, ...]] = set()
        self._channels: set[tuple[str, str]] = set()
        self._edited: set[tuple[str, str]] = set()

    def add(self, item: InboxItem) -> None:
        self._acts.add(_act(item))
        self._channels.add(_channel(item))
        if item.kind is InboxKind.MESSAGE_CHANGED:
            self._edited.add(_channel(item))

    def holds_up(self, item: InboxItem) -> bool:
        channel = _channel(item)
        is_edit = item.kind is InboxKind.MESSAGE_CHANGED
        return (
            channel in self._edited
            or (is_edit and channel in self._channels)
            or _act(item) in self._acts
        )


def _channel(item: InboxItem) -> tuple[str, str]:
    return item.team_id, item.payload["channel_id"]


def _act(item: InboxItem) -> tuple[str, ...]:
    """What happened to which message by whom."""
    return *_channel(item), item.payload["message_ts"], item.payload.get("user_id", "")


def _close(session: Session, ending: _Ending) -> None:
    item = ending.item
    assert item.id is not None
    if ending.error is None:
        inbox.finish(session, item.id, item.revision)
        return
    if item.attempts < ending.max_attempts:
        not_before = utc_now() + timedelta(seconds=ending.wait_seconds)
        inbox.retry_later(session, item, not_before, ending.error)
        return
    inbox.fail(session, item.id, item.revision, ending.error)
    log.error("Inbox row %d (%s %s) is given up", item.id, item.kind, item.key)
    if item.kind is InboxKind.MENTION:
        outbox.put(
            session, item.team_id, f"apology:{item.key}",
            channel_id=item.payload["channel_id"], thread_ts=item.payload["thread_ts"],
            text="Sorry, I could not take up your question. Please ask again in a minute.",
        )  # fmt: skip
