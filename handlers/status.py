"""
The line that shows a thread that the bot is busy with it. Best effort: never an error.

Slack takes a status away after two minutes and limits how many are set, so those who wait are
shown anew when their place in the line has changed, or when it is about to vanish.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from slack_sdk import WebClient

from handlers.retry import SLACK_ERRORS
from storage import questions
from storage.database import Database
from storage.tables import Question

log = logging.getLogger(__name__)

#: How often the line is looked at, and after how long an unchanged status is shown again.
LOOK_SECONDS, REPEAT_SECONDS = 15.0, 90.0
#: Those further behind keep what they were shown first.
SHOWN = 10


@dataclass(frozen=True)
class _Shown:
    ahead: int
    at: float


class WaitingLine:
    """Keeps the statuses of waiting questions true; one thread calls ``step`` for ever."""

    def __init__(
        self, database: Database, client: WebClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._looked_at = clock()
        self._shown: dict[int, _Shown] = {}

    def step(self) -> bool:
        """Show who waits how many come before; never asks to be called again at once."""
        now = self._clock()
        if now - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = now
        with self._database.read() as session:
            line = [(q, questions.before(session, q)) for q in questions.queued(session, SHOWN)]
        before, self._shown = self._shown, {}
        for question, ahead in line:
            assert question.id is not None
            shown = before.get(question.id)
            if shown is None or shown.ahead != ahead or now - shown.at > REPEAT_SECONDS:
                show_status(self._client, question, waiting_text(ahead))
                shown = _Shown(ahead, now)
            self._shown[question.id] = shown
        return False


def waiting_text(ahead: int) -> str:
    return f"is busy: waiting – {ahead} question{'s' if ahead != 1 else ''} before yours"


def show_status(client: WebClient, question: Question, text: str) -> None:
    """Show ``Apprentice <text>`` in the thread; the next post there takes it away."""
    try:
        client.assistant_threads_setStatus(
            channel_id=question.channel_id, thread_ts=question.thread_ts, status=text
        )
    except SLACK_ERRORS as error:
        log.info("No status in %s: %s", question.channel_id, error)
