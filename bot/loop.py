"""A thread that does one piece of work after the other until it is told to stop."""

import logging
import threading
from collections.abc import Callable

from storage.database import Database

log = logging.getLogger(__name__)

#: How long an idle loop sleeps at most before it looks again, in seconds. Commits of this
#: process wake it at once; the timeout serves rows whose time has come.
IDLE_SECONDS = 1.0


class Loop:
    """
    Calls ``step`` as long as it returns True (it found work), then waits for a commit that changes
    one of the ``tables`` where it looks for work, or any where none is named.

    An exception out of ``step`` is logged with its traceback and the loop goes on after a
    pause: one bad row must not end the work on all others. Steps are expected to mark their
    row before they raise.
    """

    def __init__(
        self, name: str, step: Callable[[], bool], database: Database, *tables: str
    ) -> None:
        self._step = step
        self._alarm = database.alarm(*tables)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Let the step under way finish, at most so long."""
        self._stopping.set()
        self._alarm.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        self._alarm.clear()
        while not self._stopping.is_set():
            if not self._try_step():
                self._alarm.wait(IDLE_SECONDS)
            self._alarm.clear()

    def _try_step(self) -> bool:
        try:
            return self._step()
        except Exception:  # the last line of defence of a thread: log and go on
            log.exception("%s failed on one piece of work and goes on", self._thread.name)
            self._stopping.wait(IDLE_SECONDS)
            return False
