"""
Which engine child answers now: started, switched, watched, replaced when it dies.

Knows nothing of chats. A switch starts the new child before it lets go of the old one.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.engines.child_process import EngineChild
from bot.engines.errors import EngineUnavailableError
from bot.engines.starting_again import BACK_OFF_SECONDS, HEALTHY_SECONDS
from bot.errors import EngineError

log = logging.getLogger(__name__)

Adapters = Mapping[str, Path]


class Supervisor:
    """Keeps one child serving the newest set of adapters."""

    def __init__(self, new_child: Callable[[Adapters], EngineChild], adapters: Adapters) -> None:
        self._new_child = new_child
        self.adapters = dict(adapters)
        self._child: EngineChild | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        #: One start at a time: a switch and a replacement must not race.
        self._starting = threading.Lock()
        self._deaths = 0

    @property
    def child(self) -> EngineChild | None:
        """The child that answers now; None while there is none."""
        return self._child

    def start(self) -> None:
        """
        Start the first child.

        Raises:
            EngineError: why it does not serve.
        """
        with self._starting:
            self._stopping.clear()
            self._point_to(self._new_child(self.adapters))

    def stop(self) -> None:
        """End the child; answers still running end with an error. Safe to call twice."""
        self._stopping.set()
        with self._changed:
            child, self._child = self._child, None
            self._changed.notify_all()
        if child:
            child.stop()

    def switch(self, adapters: Adapters) -> None:
        """
        Serve exactly these adapters from now on; answers under way finish on the old child.

        Raises:
            EngineError: why the new child does not serve; the old one keeps serving.
        """
        with self._starting:
            old = self._child
            child = self._new_child(adapters)
            self.adapters = dict(adapters)
            self._point_to(child)
        if old:
            old.retire()

    def current_child(self, patience_seconds: float) -> EngineChild:
        """
        Return the child that answers now, waiting while it is being replaced.

        Raises:
            EngineUnavailableError: there is none within ``patience_seconds``.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._child or self._stopping.is_set(), timeout=patience_seconds
            )
            if self._child is None:
                raise EngineUnavailableError
            return self._child

    def forget_if_dead(self, child: EngineChild) -> None:
        """Make the next ``current_child`` wait for the replacement of a child that just died."""
        # The connection breaks a moment before the process can be waited for.
        time.sleep(0.2)
        with self._changed:
            if self._child is child and child.process.poll() is not None:
                self._child = None

    def _point_to(self, child: EngineChild) -> None:
        with self._changed:
            stopped = self._stopping.is_set()
            if not stopped:
                self._child = child
            self._changed.notify_all()
        if stopped:
            child.stop()
            return
        threading.Thread(
            target=self._watch, args=(child,), name="engine-watch", daemon=True
        ).start()

    def _watch(self, child: EngineChild) -> None:
        """Wait for the child's end; replace it unless it was meant to end."""
        started = time.monotonic()
        status = child.process.wait()
        with self._changed:
            if self._stopping.is_set() or child.retired:
                return
            self._child = None
        healthy = time.monotonic() - started > HEALTHY_SECONDS
        self._deaths = 0 if healthy else self._deaths
        log.error("The engine process %d ended with status %d", child.process.pid, status)
        child.stop()
        self._replace()

    def _replace(self) -> None:
        while not self._stopping.wait(self._pause_seconds()):
            self._deaths += 1
            with self._starting:
                # A switch may have brought a new child meanwhile.
                if self._child or self._stopping.is_set():
                    return
                try:
                    self._point_to(self._new_child(self.adapters))
                except EngineError as error:
                    log.error("The engine could not be started again: %s", error)  # noqa: TRY400 - a sentence, not a trace
                else:
                    return

    def _pause_seconds(self) -> float:
        return BACK_OFF_SECONDS[min(self._deaths, len(BACK_OFF_SECONDS) - 1)]
