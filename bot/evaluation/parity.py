"""Proof that a version is served as it was trained: the same tokens, nearly the same thoughts."""

import json
from collections.abc import Sequence
from itertools import zip_longest
from math import exp
from pathlib import Path
from typing import Any, Protocol

from bot.engines.client import Message

#: In nats, for the likeliest first tokens, on average: a file in four bits rounds what it
#: multiplies; a wrong template, base or scale is off by whole nats.
TOLERANCE = 0.4


class Comparable(Protocol):
    """What an engine must be able to say of itself."""

    def render(self, messages: Sequence[Message]) -> str: ...
    def tokenize(self, prompt: str) -> list[int]: ...
    def first_token_log_probs(
        self, messages: Sequence[Message], *, adapter: str | None, top: int
    ) -> dict[int, float]: ...


def first_difference(
    engine: Comparable, adapter: str, samples_path: Path, tolerance: float = TOLERANCE
) -> str | None:
    """
    Compare what the trainer wrote down with what the engine sees; None where they agree.

    Raises:
        EngineError: the engine does not answer.
    """
    try:
        samples: list[dict[str, Any]] = json.loads(samples_path.read_text())
    except (OSError, ValueError):
        return "the trainer left no token ids to compare with. Train again."
    if not samples:
        return "the trainer left no token ids to compare with. Train again."
    compared = 0
    for number, sample in enumerate(samples, start=1):
        served = engine.tokenize(engine.render(sample["messages"]))
        if words := _token_difference(sample["tokens"], served):
            return f"in row {number}, {words}"
        top = engine.first_token_log_probs(sample["messages"], adapter=adapter, top=10)
        if not top:  # this answer ends before its first word
            continue
        compared += 1
        off = _distance({int(token): value for token, value in sample["top"].items()}, top)
        if off > tolerance:
            return (
                f"in row {number}, the chances of the first word differ by {off:.2f} nats; "
                f"{tolerance:g} is allowed."
            )
    return None if compared else "the engine answers none of the rows it was trained on."


def _token_difference(trained: Sequence[int], served: Sequence[int]) -> str | None:
    for place, (there, here) in enumerate(zip_longest(trained, served)):
        if there != here:
            return (
                f"token {place} was {_shown(there)} in training and is {_shown(here)} in serving: "
                "the chat template, the system prompt or the special tokens differ."
            )
    return None


def _shown(token: int | None) -> str:
    return "missing" if token is None else str(token)


def _distance(trained: dict[int, float], served: dict[int, float]) -> float:
    """The mean difference over tokens both name, each counted by its chance; infinite for none."""
    both = trained.keys() & served.keys()
    if not both:
        return float("inf")
    weights = {token: exp(trained[token]) + exp(served[token]) for token in both}
    total = sum(weights.values())
    return sum(abs(trained[t] - served[t]) * weights[t] for t in both) / total
