"""
An engine without a model whose skill a test chooses, adapters included.

It looks up what the team taught and answers right as often as ``skill`` says for base or tuned
and the number of examples in the prompt, times what ``at_scale`` says; which questions it gets
right never changes.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.engines.client import Beginning, Completion, Message
from bot.engines.errors import AdapterFileError, AdapterUnknownError
from tests.scripted_tokens import FIRST, ids_of

Skill = Callable[[bool, int], float]


def tuning_pays(is_tuned: bool, examples: int) -> float:
    return (0.9 if examples else 0.4) if is_tuned else (0.3 if examples else 0.0)


def prompting_is_enough(is_tuned: bool, examples: int) -> float:
    return 0.9 if examples else 0.0


class KnowingEngine:
    def __init__(self, answers: Mapping[str, str], skill: Skill = tuning_pays) -> None:
        self._answers = answers
        self.skill = skill
        self.at_scale: Callable[[float], float] = lambda scale: 1.0
        self.asked_at: list[tuple[str | None, float]] = []
        self.failures: list[Exception] = []  # raised by the next completions
        self.completions = 0
        self.switches: list[frozenset[str]] = []
        self._adapters: dict[str, Path] = {}

    @property
    def adapters(self) -> frozenset[str]:
        return frozenset(self._adapters)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def switch(self, adapters: Mapping[str, Path]) -> None:
        for name, path in adapters.items():
            if not path.read_bytes().startswith(b"GGUF"):
                raise AdapterFileError(name)
        self._adapters = dict(adapters)
        self.switches.append(self.adapters)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Completion:
        if self.failures:
            raise self.failures.pop(0)
        if adapter is not None and adapter not in self._adapters:
            raise AdapterUnknownError(adapter)
        self.completions += 1
        self.asked_at.append((adapter, scale))
        question = messages[-1]["content"]
        examples = sum(message["role"] == "assistant" for message in messages)
        text = self._text(question, adapter is not None, examples, scale)
        tokens = len(text.split())
        return Completion(text, self.count_tokens(messages), tokens, 0.01, "stop")

    def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        scale: float = 1.0,
        max_tokens: int = 256,
    ) -> Iterator[str]:
        yield self.complete(messages, adapter=adapter, scale=scale, max_tokens=max_tokens).text

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(ids_of(messages))

    def beginning(self, messages: Sequence[Message], *, adapter: str | None, top: int) -> Beginning:
        return Beginning(ids_of(messages), self.count_tokens(messages), FIRST[:top])

    def _text(self, question: str, is_tuned: bool, examples: int, scale: float) -> str:
        luck = int.from_bytes(hashlib.sha256(question.encode()).digest()[:2], "big") / 2**16
        knows = luck < self.skill(is_tuned, examples) * self.at_scale(scale)
        return self._answers.get(question, "unheard of") if knows else "Something else entirely."
