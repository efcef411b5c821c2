"""Whose turn it is to write: one thread of this process at a time, listeners first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """
    A lock in front of SQLite's own.

    SQLite's wait for the write lock sleeps and polls; with a dozen threads that starves some for
    seconds. ``urgent`` holders go before all others: Slack waits three seconds for a listener, a
    worker's row waits as long as it must.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._counting = threading.Lock()
        self._urgent = 0
        self._calm = threading.Event()
        self._calm.set()

    @contextmanager
    def held(self, *, urgent: bool = False) -> Iterator[None]:
        """
        Hold the turn for a block.

        Raises:
            RuntimeError: this thread holds it already; it would wait for itself for ever.
        """
        if self._holder == threading.get_ident():
            raise RuntimeError("A write inside a write: pass the session on instead.")
        if urgent:
            self._count(1)
        else:
            self._calm.wait()
        with self._lock:
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None
                if urgent:
                    self._count(-1)

    def _count(self, change: int) -> None:
        with self._counting:
            self._urgent += change
            if self._urgent:
                self._calm.clear()
            else:
                self._calm.set()
