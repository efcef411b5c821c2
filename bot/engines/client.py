"""
What every engine of this package promises, and the messages it reads.

Imports no SDK: training children and most commands need the words alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Completion:
    """
    A whole answer. ``finish_reason`` is "stop" or, where it was cut, "length"; ``cached_tokens``
    of the prompt the server had read before.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish_reason: str
    cached_tokens: int = 0


@dataclass(frozen=True)
class FirstToken:
    """A token with which an answer may begin; ``log_prob`` in nats."""

    id: int
    text: str
    log_prob: float


@dataclass(frozen=True)
class Beginning:
    """
    What an engine says of a prompt and of the first token after it; None: it does not say.

    ``tokens`` are the prompt's ids, ``count`` how many they are. ``top`` are the likeliest first
    tokens, empty where the answer ends before its first word.
    """

    tokens: Sequence[int] | None = None
    count: int | None = None
    top: Sequence[FirstToken] | None = None


class Engine(Protocol):
    """
    Answers chats, greedily, as the base model or as one of its adapters.

    ``adapter`` is a model version's name (``workspace-v7``); None is the base model. With
    ``scale`` 0.5 it changes the base model half as much as it was trained to.
    All methods may be called from several threads at once.

    Raises, all of them ``bot.errors.EngineError``:
        AdapterUnknownError: ``adapter`` is not served, or not at this scale.
        PromptTooLongError: the messages exceed the context.
        EngineUnavailableError: nothing was yielded yet; asking again later may help.
        EngineDiedError: some words were yielded already.
        EngineRefusedError: asking again will not help.
    """

    def start(self) -> None:
        """Return when the engine answers."""

    def stop(self) -> None:
        """End the engine; safe to call twice."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        """Yield the answer's pieces as they come; closing the iterator stops the generation."""

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Completion:
        """Return the whole answer."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the prompt's tokens, the chat template's included."""

    def beginning(self, messages: Sequence[Message], *, adapter: str | None, top: int) -> Beginning:
        """Say what it sees of the messages, and the ``top`` likeliest first tokens."""
