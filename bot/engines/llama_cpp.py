"""
The default engine: a supervised llama.cpp child that serves the base and all promoted adapters.

An answer of which nothing was shown yet is asked again when its child dies; one that had begun
ends with ``EngineDiedError``. Imports neither llama.cpp nor torch.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bot.engines.child_process import ChildConfig, EngineChild, start_child
from bot.engines.client import Beginning, Completion, Message
from bot.engines.errors import EngineDiedError, EngineUnavailableError
from bot.engines.supervisor import Supervisor

log = logging.getLogger(__name__)

#: How often one answer is asked for, as long as nothing of it was shown.
ATTEMPTS = 3
#: llama.cpp serves one model and ignores the name.
_MODEL = "apprentice"

T = TypeVar("T")


class LlamaCppEngine:
    """See ``bot.engines.client.Engine`` for what the methods promise and raise."""

    def __init__(
        self,
        gguf_path: Path,
        adapters: Mapping[str, Path] | None = None,
        *,
        slots: int = 4,
        context_per_slot: int = 2048,
        threads: int = 0,
        warm_up: Sequence[Message] = (),
        patience_seconds: float = 60.0,
    ) -> None:
        """
        ``adapters`` maps model versions to adapter GGUF files; ``threads`` 0 is one per core.

        ``warm_up`` begins as real prompts do, so that their common start is computed before the
        first question. ``patience_seconds`` is how long a question waits for a child that is
        being replaced.
        """
        self._gguf_path = gguf_path
        self._slots = slots
        self._context_per_slot = context_per_slot
        self._threads = threads or os.cpu_count() or 1
        self._warm_up = list(warm_up)
        self._patience_seconds = patience_seconds
        self._supervisor = Supervisor(self._new_child, adapters or {})

    @property
    def adapters(self) -> frozenset[str]:
        """The model versions served."""
        return frozenset(self._supervisor.adapters)

    @property
    def process_id(self) -> int | None:
        """The child that answers now; None while it is being replaced."""
        child = self._supervisor.child
        return child.process.pid if child else None

    def start(self) -> None:
        """
        Start the first child.

        Raises:
            AdapterFileError, BaseModelError, EngineStartError: why it does not serve.
        """
        self._supervisor.start()

    def stop(self) -> None:
        """End the child; answers still running end with an error."""
        self._supervisor.stop()

    def switch(self, adapters: Mapping[str, Path]) -> None:
        """
        Serve exactly these adapters from now on; answers under way finish on the old child.

        Raises:
            AdapterFileError, BaseModelError, EngineStartError: the old child keeps serving.
        """
        self._supervisor.switch(adapters)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        """Yield the answer's pieces as they come; closing the iterator stops the generation."""
        for attempt in range(1, ATTEMPTS + 1):
            child = self._current_child()
            options = child.request_options(adapter, scale)
            try:
                with child.lease():
                    yield from child.client.stream(
                        messages, model=_MODEL, max_tokens=max_tokens, extra_body=options
                    )
            except EngineUnavailableError:
                if attempt == ATTEMPTS:
                    raise
                self._supervisor.forget_if_dead(child)
            else:
                return

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Completion:
        """Return the whole answer."""
        return self._ask(lambda child: child.complete(messages, adapter, scale, max_tokens))

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt the chat template makes of the messages."""
        return self._ask(lambda child: child.render(messages))

    def tokenize(self, prompt: str) -> list[int]:
        """Return the token ids of a rendered prompt."""
        return self._ask(lambda child: child.tokenize(prompt))

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the prompt's tokens, the chat template's included."""
        return len(self.tokenize(self.render(messages)))

    def beginning(self, messages: Sequence[Message], *, adapter: str | None, top: int) -> Beginning:
        """Return the prompt's tokens, and the likeliest first ones of the answer."""
        tokens = self.tokenize(self.render(messages))
        first = self._ask(lambda child: child.first_tokens(messages, adapter, top))
        return Beginning(tokens, len(tokens), first)

    def _ask(self, question: Callable[[EngineChild], T]) -> T:
        attempts = ATTEMPTS
        while True:
            attempts -= 1
            child = self._current_child()
            try:
                with child.lease():
                    return question(child)
            except (EngineUnavailableError, EngineDiedError):
                if not attempts:
                    raise
                self._supervisor.forget_if_dead(child)

    def _current_child(self) -> EngineChild:
        return self._supervisor.current_child(self._patience_seconds)

    def _new_child(self, adapters: Mapping[str, Path]) -> EngineChild:
        started = time.monotonic()
        child = start_child(
            ChildConfig(
                gguf_path=self._gguf_path,
                adapters=dict(adapters),
                slots=self._slots,
                context_per_slot=self._context_per_slot,
                threads=self._threads,
            )
        )
        if self._warm_up:
            child.client.complete(
                self._warm_up, model=_MODEL, max_tokens=1, extra_body=child.request_options(None)
            )
        log.info(
            "The engine serves %s in process %d after %.1f s",
            ", ".join(["the base model", *adapters]),
            child.process.pid,
            time.monotonic() - started,
        )
        return child
