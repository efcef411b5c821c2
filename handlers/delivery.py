"""
Carries the outbox into Slack: posts, updates, pictures, once each, as fast as Slack allows.

Where Slack puts a channel off, its posts (or its updates) wait and all others go on. A row that
Slack refuses for good is closed with a log line. Ephemerals go out at most once.
"""

import logging
import time
from datetime import timedelta

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from handlers.deliver_message import send, upload
from handlers.deps import Checkpoint
from handlers.lost_message import find_lost, note_ts
from handlers.people import People
from handlers.retry import SLACK_ERRORS, code_of, is_definite, is_passing, retry_after_seconds
from storage import outbox
from storage.columns import utc_now
from storage.database import Database
from storage.outbox import Pause
from storage.tables import OutboxKind, OutboxMessage

log = logging.getLogger(__name__)

#: Waiting 1, 2, 4 … seconds in between, the last attempt is made after about 8 minutes.
MAX_ATTEMPTS = 10
#: A message that changes all the time is updated this often; Slack takes 50 updates a minute.
UPDATE_SECONDS = 2.0
_BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


class Delivery:
    """One thread calls ``step`` for ever; ``handlers.recovery`` comes first."""

    def __init__(
        self,
        database: Database,
        client: WebClient,
        people: People,
        checkpoint: Checkpoint = lambda step: None,
    ) -> None:
        self._checkpoint = checkpoint
        self._database = database
        self._client = client
        self._people = people
        self._pauses: dict[Pause, float] = {}  # until when, on the monotonic clock

    def step(self) -> bool:
        """Deliver the oldest row that is due; returns whether there was one."""
        row = self._claim()
        if row is None:
            return False
        is_handled = False
        try:
            self._deliver(row)
            is_handled = True
        finally:
            if not is_handled:
                self._give_up(row, "unforeseen, see the log")
        return True

    def _claim(self) -> OutboxMessage | None:
        pauses = self._current_pauses()
        with self._database.read() as session:
            if not outbox.has_due(session, pauses=pauses):
                return None
        with self._database.write() as session:
            return outbox.claim(session, pauses=pauses)

    def _deliver(self, row: OutboxMessage) -> None:
        was_there = row.message_ts is not None
        try:
            self._checkpoint("row claimed")
            self._upload_pictures(row)
            message_ts = self._send(row)
            self._checkpoint("row posted")
        except FileNotFoundError as error:
            self._give_up(row, f"the picture {error.filename} is gone")
        except SLACK_ERRORS as error:
            self._put_off(row, error)
        else:
            self._note(row, message_ts, was_there=was_there)

    def _send(self, row: OutboxMessage) -> str | None:
        if row.kind is OutboxKind.STREAM or row.attempts > 1:
            # An earlier attempt may have gone through although we never heard of it.
            row.message_ts = find_lost(row, self._database, self._client, self._people.bot_user_id)
        try:
            return send(self._client, row)
        except SlackApiError as error:
            if code_of(error) not in _BAD_BLOCKS:
                raise
            log.exception("Slack refuses the blocks of %s; its text alone is sent", row.key)
            return send(self._client, row, with_blocks=False)

    def _note(self, row: OutboxMessage, message_ts: str | None, *, was_there: bool) -> None:
        assert row.id is not None
        if message_ts:
            note_ts(row, self._database, message_ts)
        next_update = utc_now() + timedelta(seconds=UPDATE_SECONDS) if was_there else None
        with self._database.write(redoable=True) as session:
            outbox.delivered(session, row.id, row.revision, message_ts, next_update)

    def _put_off(self, row: OutboxMessage, error: Exception) -> None:
        wait = retry_after_seconds(error, default=2.0 ** (row.attempts - 1))
        if code_of(error) == "ratelimited":
            self._pause(row, wait)
        elif not is_passing(error) or row.attempts >= MAX_ATTEMPTS:
            self._give_up(row, str(error))
        elif row.kind is OutboxKind.EPHEMERAL and not is_definite(error):
            self._give_up(row, f"perhaps shown already: {error}")
        else:
            self._wait(row, error, wait)

    def _pause(self, row: OutboxMessage, seconds: float) -> None:
        pause = Pause(row.channel_id, is_update=row.message_ts is not None)
        self._pauses[pause] = time.monotonic() + seconds
        row.attempts -= 1  # waiting for one's turn is no failure
        with self._database.write() as session:
            outbox.release(session, row)

    def _current_pauses(self) -> frozenset[Pause]:
        now = time.monotonic()
        self._pauses = {pause: until for pause, until in self._pauses.items() if until > now}
        return frozenset(self._pauses)

    def _wait(self, row: OutboxMessage, error: Exception, seconds: float) -> None:
        log.info("%s waits %.1f s: %s", row.key, seconds, error)
        with self._database.write() as session:
            outbox.release(session, row, utc_now() + timedelta(seconds=seconds))

    def _upload_pictures(self, row: OutboxMessage) -> None:
        assert row.id is not None
        for number, picture in enumerate(row.uploads):
            if picture.get("file_id"):
                continue
            done = {**picture, "file_id": upload(self._client, picture)}
            row.uploads = [*row.uploads[:number], done, *row.uploads[number + 1 :]]
            with self._database.write() as session:
                outbox.uploaded(session, row.id, row.uploads)

    def _give_up(self, row: OutboxMessage, error: str) -> None:
        log.error("Message %s to %s is given up: %s", row.key, row.channel_id, error)
        with self._database.write() as session:
            outbox.fail(session, row, error)
