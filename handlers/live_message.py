"""
One answer as people see it come: a stream while Slack takes it, one message whatever happens.

The row in the outbox knows first what is about to happen, and where the message is as soon as
Slack has said so. What streaming cannot finish is handed to delivery, which updates the same
message. No text is lost and none appears twice.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from handlers.deps import Checkpoint, Payload
from handlers.lost_message import OPENING, find_lost, note_ts
from handlers.retry import SLACK_ERRORS, code_of, retry_after_seconds
from handlers.thread import metadata
from storage import outbox, questions
from storage.columns import utc_now
from storage.database import Database
from storage.tables import OutboxMessage, Question, QuestionState

log = logging.getLogger(__name__)

#: Slack takes about a hundred pieces a minute; reading along needs no more than these.
PIECE_SECONDS = 0.7


class _Mode(Enum):
    NEW = auto()  # nothing is posted yet
    STREAMING = auto()
    QUIET = auto()  # delivery shows the whole text at the end


class LiveMessage:
    """``checkpoint`` is told each step, so that tests can end the process between any two."""

    def __init__(
        self,
        question: Question,
        database: Database,
        client: WebClient,
        bot_user_id: str,
        *,
        checkpoint: Checkpoint = lambda step: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Take up what an earlier attempt left, if any.

        Raises:
            SlackApiError, URLError: Slack cannot be asked right now.
        """
        assert question.id is not None
        self._question = question
        self._question_id = question.id
        self._key = questions.answer_key(question.id)
        self._database = database
        self._client = client
        self._bot_user_id = bot_user_id
        self._checkpoint = checkpoint
        self._clock = clock
        self._unsent = ""
        self._next_piece_at = 0.0
        self._release_seconds = 0.0
        self._ts: str | None = None
        self._mode = self._take_up()

    def write(self, text: str) -> None:
        """Show more of the answer, now or with the next piece."""
        if self._mode is _Mode.QUIET:
            return
        self._unsent += text
        if self._mode is _Mode.NEW:
            self._start()
        elif self._clock() >= self._next_piece_at:
            self._append()

    def start_over(self) -> None:
        """The answer is made again: what was shown of it is replaced at the end."""
        self._unsent = ""
        if self._mode is _Mode.STREAMING:
            self._mode = _Mode.QUIET

    def finish(
        self,
        text: str,
        blocks: Sequence[Payload],
        state: QuestionState,
        error: str | None = None,
    ) -> None:
        """Keep the whole answer and the end of its question, then show it."""
        row = self._store(text, blocks, state, error)
        self._checkpoint("text stored")
        if self._mode is _Mode.STREAMING and self._stop(blocks):
            self._checkpoint("stream stopped")
            self._note_delivered(row)
        else:
            self._hand_over(row)
        self._checkpoint("answer delivered")

    def _take_up(self) -> _Mode:
        with self._database.read() as session:
            row = outbox.find(session, self._question.team_id, self._key)
        if row is None:
            return _Mode.NEW
        self._ts = find_lost(row, self._database, self._client, self._bot_user_id)
        return _Mode.QUIET if self._ts else _Mode.NEW

    def _start(self) -> None:
        row = self._reserve()
        self._checkpoint("place reserved")
        piece, self._unsent = self._unsent, ""
        with OPENING:
            started = self._call(
                self._client.chat_startStream,
                thread_ts=self._question.thread_ts,
                recipient_team_id=self._question.team_id,
                recipient_user_id=self._question.user_id,
                markdown_text=piece,
            )
            if started is None:
                return
            self._checkpoint("stream started")
            self._ts = str(started["ts"])
            note_ts(row, self._database, self._ts)
        self._checkpoint("ts stored")
        self._mode = _Mode.STREAMING
        self._next_piece_at = self._clock() + PIECE_SECONDS

    def _append(self) -> None:
        piece, self._unsent = self._unsent, ""
        self._next_piece_at = self._clock() + PIECE_SECONDS
        self._call(self._client.chat_appendStream, ts=self._ts, markdown_text=piece)
        self._checkpoint("piece appended")

    def _stop(self, blocks: Sequence[Payload]) -> bool:
        stopped = self._call(
            self._client.chat_stopStream,
            ts=self._ts,
            markdown_text=self._unsent or None,
            blocks=list(blocks),
            metadata=metadata(self._key),
        )
        return stopped is not None

    def _call(self, method: Callable[..., SlackResponse], **arguments: Any) -> SlackResponse | None:
        """Call one of the streaming methods; where Slack refuses, go on quietly."""
        try:
            return method(channel=self._question.channel_id, **arguments)
        except SLACK_ERRORS as error:
            if code_of(error) == "ratelimited" and method == self._client.chat_appendStream:
                self._unsent = arguments["markdown_text"] + self._unsent
                self._next_piece_at = self._clock() + retry_after_seconds(error, PIECE_SECONDS)
                return None
            log.info("No stream for %s any more: %s", self._key, error)
            self._mode, self._unsent = _Mode.QUIET, ""
            if code_of(error) == "ratelimited":
                self._release_seconds = retry_after_seconds(error, 1.0)
            return None

    def _reserve(self) -> OutboxMessage:
        question = self._question
        with self._database.write() as session:
            return outbox.reserve_stream(
                session, question.team_id, self._key,
                channel_id=question.channel_id, thread_ts=question.thread_ts,
                user_id=question.user_id,
            )  # fmt: skip

    def _store(
        self, text: str, blocks: Sequence[Payload], state: QuestionState, error: str | None
    ) -> OutboxMessage:
        row = self._reserve()
        with self._database.write() as session:
            row = outbox.put(
                session, row.team_id, self._key,
                channel_id=row.channel_id, thread_ts=row.thread_ts, text=text, blocks=blocks,
            )  # fmt: skip
            questions.end(session, self._question_id, state, error)
        return row

    def _note_delivered(self, row: OutboxMessage) -> None:
        assert row.id is not None
        with self._database.write() as session:
            outbox.delivered(session, row.id, row.revision, self._ts)

    def _hand_over(self, row: OutboxMessage) -> None:
        wait = timedelta(seconds=self._release_seconds)
        with self._database.write() as session:
            outbox.release(session, row, utc_now() + wait if wait else None)
