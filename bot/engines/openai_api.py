"""
The engine of ``ENGINE=openai_api``: any OpenAI-shaped server, somebody else's process.

A model version is a model name there (as vLLM names adapters and OpenAI its fine-tuned models), and
answers as it was trained: no such server scales an adapter for one request.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bot.engines.chat_client import SILENCE_SECONDS, ChatClient
from bot.engines.client import Beginning, Completion, Message
from bot.engines.errors import AdapterUnknownError, EngineRefusedError

#: The SDK's own retries, with its back-off; they end before the first word.
MAX_RETRIES = 2
#: No endpoint counts tokens: assume short ones, so that a prompt rather fits than not.
CHARACTERS_PER_TOKEN = 3
TOKENS_PER_TURN = 5


class OpenAIApiEngine:
    """See ``bot.engines.client.Engine`` for what the methods promise and raise."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        model: str = "",
        adapters: Mapping[str, str] | None = None,
        max_retries: int = MAX_RETRIES,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """
        ``model`` is the base model's name, empty for the first one the server lists;
        ``adapters`` maps our model versions to the server's model names. The server may stay
        silent for ``silence_seconds``, and is asked again ``max_retries`` times.
        """
        self._client = ChatClient(
            base_url, api_key, max_retries=max_retries, silence_seconds=silence_seconds
        )
        self._model = model
        self._names = dict(adapters or {})

    @property
    def adapters(self) -> frozenset[str]:
        """The model versions served."""
        return frozenset(self._names)

    def start(self) -> None:
        """Find the base model's name where none was given."""
        self._model = self._model or self._client.models()[0]

    def stop(self) -> None:
        """Close the connections."""
        self._client.close()

    def switch(self, adapters: Mapping[str, str]) -> None:
        """Serve exactly these model versions from now on."""
        self._names = dict(adapters)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        """Yield the answer's pieces as they come; closing the iterator stops the generation."""
        model = self._name_of(adapter, scale)
        with _unknown_if_gone(adapter):
            yield from self._client.stream(messages, model=model, max_tokens=max_tokens)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Completion:
        """Return the whole answer."""
        model = self._name_of(adapter, scale)
        with _unknown_if_gone(adapter):
            return self._client.complete(messages, model=model, max_tokens=max_tokens)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Estimate the prompt's tokens, rather too many than too few."""
        characters = sum(len(message["content"]) for message in messages)
        return characters // CHARACTERS_PER_TOKEN + TOKENS_PER_TURN * len(messages)

    def beginning(self, messages: Sequence[Message], *, adapter: str | None, top: int) -> Beginning:
        """Say what the server says: mostly a count, and log-probabilities where it gives them."""
        model = self._name_of(adapter, 1.0)
        with _unknown_if_gone(adapter):
            return self._client.beginning(messages, model=model, top=top)

    def _name_of(self, adapter: str | None, scale: float) -> str:
        if adapter is None:
            return self._model
        if adapter not in self._names or scale != 1.0:
            raise AdapterUnknownError(adapter)
        return self._names[adapter]


@contextmanager
def _unknown_if_gone(adapter: str | None) -> Iterator[None]:
    """A server that has lost a model version's model serves that version no more."""
    try:
        yield
    except EngineRefusedError as error:
        if adapter is None or error.status != 404:
            raise
        raise AdapterUnknownError(adapter) from error
