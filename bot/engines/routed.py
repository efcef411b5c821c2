"""
One engine out of several: our own for the base and local adapters, a provider's for its models.

What a version's place says decides who answers; the base model and token counts are always ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bot.engines.client import Beginning, Completion, Engine, Message
from bot.engines.errors import (
    AdapterUnknownError,
    EngineRefusedError,
    EngineUnavailableError,
)
from bot.engines.model_place import ModelPlace, RemoteModel
from bot.engines.openai_api import OpenAIApiEngine


class _Local(Engine, Protocol):
    @property
    def adapters(self) -> frozenset[str]: ...

    def switch(self, adapters: Mapping[str, Path]) -> None: ...


class RoutedEngine:
    """See ``bot.engines.client.Engine`` for what the methods promise and raise."""

    def __init__(self, local: _Local, remotes: Mapping[str, OpenAIApiEngine] | None = None) -> None:
        """``remotes`` are by the name of the trainer whose models they serve."""
        self._local = local
        self._remotes = dict(remotes or {})
        self._places: dict[str, RemoteModel] = {}
        self._is_started = False

    @property
    def adapters(self) -> frozenset[str]:
        """The model versions served."""
        return self._local.adapters | frozenset(self._places)

    @property
    def remotes(self) -> frozenset[str]:
        """Whose models can be served here."""
        return frozenset(self._remotes)

    def start(self) -> None:
        """Return when our own engine answers."""
        self._local.start()
        self._is_started = True

    def stop(self) -> None:
        """End our own engine and close the connections to others."""
        self._local.stop()
        for remote in self._remotes.values():
            remote.stop()

    def switch(self, adapters: Mapping[str, ModelPlace]) -> None:
        """
        Serve exactly these from now on.

        Raises:
            AdapterUnknownError: nobody here serves that provider's models.
            EngineError: of our own engine; nothing changed.
        """
        files = {name: place for name, place in adapters.items() if isinstance(place, Path)}
        places = {name: place for name, place in adapters.items() if not isinstance(place, Path)}
        for name, place in places.items():
            if place.served_by not in self._remotes:
                raise AdapterUnknownError(name)
        # A new child takes seconds: none where only a provider's model was added.
        if files.keys() != self._local.adapters or not self._is_started:
            self._local.switch(files)
            self._is_started = True
        for trainer, remote in self._remotes.items():
            remote.switch(
                {name: p.model_id for name, p in places.items() if p.served_by == trainer}
            )
        self._places = places

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        """
        Yield the answer's pieces as they come; closing the iterator stops the generation.

        Raises:
            AdapterUnknownError: also where its provider does not answer or refuses, before the
                first word: something else may answer instead.
        """
        pieces = self._for(adapter).stream(
            messages, adapter=adapter, scale=scale, max_tokens=max_tokens
        )
        return _or_unknown(adapter, pieces) if adapter and adapter in self._places else pieces

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Completion:
        """Return the whole answer."""
        return self._for(adapter).complete(
            messages, adapter=adapter, scale=scale, max_tokens=max_tokens
        )

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the prompt's tokens with our own base model's vocabulary."""
        return self._local.count_tokens(messages)

    def beginning(self, messages: Sequence[Message], *, adapter: str | None, top: int) -> Beginning:
        """Say what the one who answers sees of the messages."""
        return self._for(adapter).beginning(messages, adapter=adapter, top=top)

    def _for(self, adapter: str | None) -> Engine:
        place = self._places.get(adapter) if adapter else None
        return self._remotes[place.served_by] if place else self._local


def _or_unknown(adapter: str, pieces: Iterator[str]) -> Iterator[str]:
    try:
        yield from pieces
    except (EngineUnavailableError, EngineRefusedError) as error:
        raise AdapterUnknownError(adapter) from error
