"""
Somebody else's vLLM that serves our own adapters: loaded and unloaded while it answers.

A served name is a version and the digest of its weights: it never means anything else, so an answer
under way keeps its adapter. vLLM must see our files under the same path.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from bot.engines.adapter_files import WEIGHTS, read_manifest
from bot.engines.chat_client import ChatClient
from bot.engines.client import Beginning, Completion, Message
from bot.engines.errors import (
    AdapterFileError,
    AdapterRefusedHereError,
    AdapterUnknownError,
    EngineRefusedError,
    ServerRefusedError,
)
from bot.engines.intact import sha256_of
from bot.engines.openai_api import MAX_RETRIES, OpenAIApiEngine
from bot.errors import EngineError

log = logging.getLogger(__name__)


class RuntimeAdapterEngine:
    """See ``bot.engines.client.Engine`` for what the methods promise and raise."""

    def __init__(self, base_url: str, api_key: str) -> None:
        """``base_url`` ends in ``/v1``."""
        self._url = base_url.rstrip("/")
        self._base = OpenAIApiEngine(base_url, api_key)
        self._client = ChatClient(base_url, api_key, max_retries=MAX_RETRIES)
        self._names: dict[str, tuple[str, Path]] = {}
        self._under_way: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def adapters(self) -> frozenset[str]:
        """The model versions served."""
        return frozenset(self._names)

    def start(self) -> None:
        """Find the base model's name."""
        self._base.start()

    def stop(self) -> None:
        """Close the connections; what is loaded stays loaded, and is found so at the next start."""
        self._base.stop()
        self._client.close()

    def switch(self, adapters: Mapping[str, Path]) -> None:
        """
        Serve exactly these from now on; answers under way finish with the adapter they began with.

        Raises:
            AdapterFileError: one is missing, or the server does not take it; nothing changed.
            EngineError: the server does not answer.
        """
        self.start()
        wanted = {name: (_served_name(name, path), path.parent) for name, path in adapters.items()}
        known = {served for served, _ in self._names.values()}
        loaded: list[str] = []
        try:
            for name, (served, folder) in wanted.items():
                if served not in known:
                    self._load(name, served, folder)
                    loaded.append(served)
        except EngineError:
            for served in loaded:
                self._unload(served)
            raise
        with self._lock:
            before, self._names = self._names, wanted
            gone = {served for served, _ in before.values()} - {s for s, _ in wanted.values()}
            idle = [served for served in gone if not self._under_way.get(served)]
        for served in idle:
            self._unload(served)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        """Yield the answer's pieces as they come; closing the iterator stops the generation."""
        if adapter is None:
            yield from self._base.stream(messages, max_tokens=max_tokens)
            return
        with self._asking(adapter, scale) as model:

            def ask() -> Iterator[str]:
                return self._client.stream(messages, model=model, max_tokens=max_tokens)

            pieces = ask()
            try:
                first = next(pieces, None)
            except EngineRefusedError as error:
                self._load_again(adapter, error)
                pieces = ask()
                first = next(pieces, None)
            with _closing(pieces):
                if first is not None:
                    yield first
                yield from pieces

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Completion:
        """Return the whole answer."""
        if adapter is None:
            return self._base.complete(messages, max_tokens=max_tokens)
        with self._asking(adapter, scale) as model:
            ask: Callable[[], Completion] = lambda: self._client.complete(  # noqa: E731 - asked twice
                messages, model=model, max_tokens=max_tokens
            )
            try:
                return ask()
            except EngineRefusedError as error:
                self._load_again(adapter, error)
                return ask()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Estimate the prompt's tokens, rather too many than too few."""
        return self._base.count_tokens(messages)

    def beginning(self, messages: Sequence[Message], *, adapter: str | None, top: int) -> Beginning:
        """Return the prompt's tokens as vLLM cuts them, and the likeliest first ones after it."""
        if adapter is None:
            return self._base.beginning(messages, adapter=None, top=top)
        with self._asking(adapter, 1.0) as model:
            try:
                return self._begun(messages, model, top)
            except EngineRefusedError as error:
                self._load_again(adapter, error)
                return self._begun(messages, model, top)

    def _begun(self, messages: Sequence[Message], model: str, top: int) -> Beginning:
        begun = self._client.beginning(messages, model=model, top=top, as_ids=True)
        return replace(begun, tokens=self._tokens(messages, model))

    def _tokens(self, messages: Sequence[Message], model: str) -> list[int] | None:
        """None where somebody has switched that endpoint off."""
        body = {"model": model, "messages": list(messages), "add_generation_prompt": True}
        try:
            told = self._client.post(f"{self._url.removesuffix('/v1')}/tokenize", body)
        except EngineRefusedError:
            return None
        tokens = told.get("tokens")
        is_told = isinstance(tokens, list) and all(isinstance(each, int) for each in tokens)
        return tokens if is_told else None

    @contextmanager
    def _asking(self, adapter: str, scale: float) -> Iterator[str]:
        """Name the adapter at the server, and keep it loaded until the answer is whole."""
        with self._lock:
            # No such server scales an adapter for one request.
            if adapter not in self._names or scale != 1.0:
                raise AdapterUnknownError(adapter)
            served, _ = self._names[adapter]
            self._under_way[served] = self._under_way.get(served, 0) + 1
        try:
            yield served
        finally:
            with self._lock:
                self._under_way[served] -= 1
                is_over = not self._under_way[served]
                if is_over:
                    del self._under_way[served]
                is_gone = served not in {name for name, _ in self._names.values()}
            if is_over and is_gone:
                self._unload(served)

    def _load_again(self, adapter: str, error: EngineRefusedError) -> None:
        """A server that was started again has forgotten what it had loaded."""
        if error.status != 404 or adapter not in self._names:
            raise error
        log.warning("The server does not know %s any more; it is loaded again", adapter)
        try:
            self._load(adapter, *self._names[adapter])
        except AdapterFileError as refusal:
            # Who asked a question cannot do anything about it, and another may answer instead.
            log.warning("%s", refusal)
            raise AdapterUnknownError(adapter) from refusal

    def _load(self, adapter: str, served: str, folder: Path) -> None:
        body = {"lora_name": served, "lora_path": str(folder)}
        try:
            self._client.tell(f"{self._url}/load_lora_adapter", body)
        except ServerRefusedError as refusal:
            if "already been loaded" in refusal.said:
                return
            raise AdapterRefusedHereError(adapter, str(folder), refusal.said) from refusal

    def _unload(self, served: str) -> None:
        # What cannot be unloaded is in nobody's way: nobody asks for that name again.
        with suppress(EngineError):
            self._client.tell(f"{self._url}/unload_lora_adapter", {"lora_name": served})


def _served_name(version: str, gguf_path: Path) -> str:
    """
    Raises:
        AdapterFileError: its weights are not there, or not those that were made.
    """
    folder = gguf_path.parent
    try:
        digest = sha256_of(folder / WEIGHTS)
    except OSError as error:
        raise AdapterFileError(version) from error
    if digest != _as_made(folder, digest):
        raise AdapterFileError(version)
    return f"{version}-{digest[:12]}"


def _as_made(folder: Path, unknown: str) -> str:
    """The checksum of the weights when they were made."""
    try:
        made = read_manifest(folder)["files"][WEIGHTS]
    except (OSError, ValueError, KeyError, TypeError):
        return unknown
    return str(made)


@contextmanager
def _closing(pieces: Iterator[str]) -> Iterator[None]:
    """Closing the response is what makes the server stop generating."""
    try:
        yield
    finally:
        pieces.close()  # type: ignore[attr-defined]
