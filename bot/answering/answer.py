"""
From a question to pieces of an answer. Knows the engine as a value; pure of Slack and database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.answering.prompt import Message, build_messages
from bot.answering.retrieval import RetrievedExample
from bot.answering.safe_text import SafeText
from bot.errors import BotError


class Engine(Protocol):
    """What an answer needs of an engine; raises ``EngineError``."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        """Yield the answer's pieces as they come."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the prompt's tokens."""


class ServingEngine(Engine, Protocol):
    """One that says which model versions it serves now."""

    @property
    def adapters(self) -> frozenset[str]:
        """Their names."""


class QuestionTooLongError(BotError):
    """Raised when a question alone does not fit into the model's context."""

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(
            f"Your question is too long for this model: it has about {tokens:,} tokens and "
            f"{limit:,} fit (a token is about four characters). Please ask about a part of it."
        )
        self.tokens = tokens
        self.limit = limit


@dataclass(frozen=True)
class Limits:
    """``context_tokens`` holds prompt and answer together; ``answer_tokens`` is the answer's."""

    context_tokens: int = 2048
    answer_tokens: int = 320

    @property
    def prompt_tokens(self) -> int:
        return self.context_tokens - self.answer_tokens


@dataclass(frozen=True)
class Prompt:
    """What goes to the model, and the examples that found room in it."""

    question: str
    messages: list[Message]
    examples: tuple[RetrievedExample, ...]


def fit(
    engine: Engine,
    question: str,
    examples: Sequence[RetrievedExample],
    context: Sequence[Message],
    limits: Limits,
) -> Prompt:
    """
    Build a prompt that leaves room for the answer: the oldest turns of the thread give way
    first, then the examples that fit worst.

    Raises:
        QuestionTooLongError: the question alone is too long.
        EngineError: the engine cannot count.
    """
    kept, turns = list(examples), list(context)
    while True:
        messages = build_messages(question, kept, turns)
        tokens = engine.count_tokens(messages)
        if tokens <= limits.prompt_tokens:
            return Prompt(question, messages, tuple(kept))
        if turns:
            turns.pop(0)
        elif kept:
            kept.pop()
        else:
            empty = engine.count_tokens(build_messages("", []))
            raise QuestionTooLongError(tokens - empty, limits.prompt_tokens - empty)


def answer(
    engine: Engine, prompt: Prompt, *, adapter: str | None, scale: float = 1.0, limits: Limits
) -> Iterator[str]:
    """
    Yield harmless pieces of the answer.

    Raises:
        EngineError: also after some pieces.
    """
    sources = [prompt.question, *(f"{e.question}\n{e.answer}" for e in prompt.examples)]
    pieces = engine.stream(
        prompt.messages, adapter=adapter, scale=scale, max_tokens=limits.answer_tokens
    )
    yield from SafeText(sources).stream(pieces)
