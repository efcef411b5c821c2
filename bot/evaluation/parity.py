"""Proof that a version is served as it was trained: the same tokens, nearly the same thoughts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import exp, isfinite
from pathlib import Path
from typing import Any, Protocol

from bot.engines.client import Beginning, Message

#: In nats, for the likeliest first tokens, on average: a file in four bits rounds what it
#: multiplies; a wrong template, base or scale is off by whole nats.
TOLERANCE = 0.4
#: So many likeliest first tokens are compared.
TOP = 10


class Comparable(Protocol):
    """What an engine must be able to say of itself."""

    def beginning(
        self, messages: Sequence[Message], *, adapter: str | None, top: int
    ) -> Beginning: ...


@dataclass(frozen=True)
class Sample:
    """What the trainer wrote down of one row: its prompt, as tokens too, and what follows it."""

    messages: list[Message]
    tokens: list[int]
    top: dict[int, float]


@dataclass(frozen=True)
class Parity:
    """
    ``difference`` is the first one that was found, ``unproven`` why nothing could be compared;
    with neither it is proven. Both are words that follow a colon.
    """

    difference: str | None = None
    unproven: str | None = None


PROVEN = Parity()
#: What trains here always writes samples down.
NOTHING_WRITTEN = Parity("the trainer left no token ids to compare with. Train again.")


def samples_in(written: bytes) -> list[Sample]:
    """What a trainer wrote down; nothing where that cannot be read."""
    try:
        return [_sample(each) for each in json.loads(written)]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def samples_at(path: Path) -> list[Sample]:
    try:
        return samples_in(path.read_bytes())
    except OSError:
        return []


def prove(
    engine: Comparable, adapter: str, samples: Sequence[Sample], tolerance: float = TOLERANCE
) -> Parity:
    """
    Compare what the trainer wrote down with what the engine sees.

    Raises:
        EngineError: the engine does not answer.
    """
    if not samples:
        return NOTHING_WRITTEN
    silent, compared = None, 0
    for number, sample in enumerate(samples, start=1):
        begun = engine.beginning(sample.messages, adapter=adapter, top=TOP)
        if words := _token_difference(sample.tokens, begun):
            return Parity(f"in row {number}, {words}")
        silent = silent or _what_is_not_said(begun)
        if not begun.top:  # this answer ends before its first word, or nothing is said of it
            continue
        compared += 1
        off = _distance(sample.top, {token.id: token.log_prob for token in begun.top})
        if not off <= tolerance:
            return Parity(
                f"in row {number}, the chances of the first word differ by {off:.2f} nats; "
                f"{tolerance:g} is allowed."
            )
    if silent:
        return Parity(unproven=silent)
    return PROVEN if compared else Parity("the engine answers none of the rows it was trained on.")


def _what_is_not_said(begun: Beginning) -> str | None:
    if begun.tokens is None and begun.count is None:
        return "whoever serves it does not say how many tokens it reads."
    if begun.top is None:
        return "whoever serves it does not say how likely its first words are."
    return None


def _token_difference(trained: Sequence[int], begun: Beginning) -> str | None:
    """Of a server that tells no ids the number is compared; other tokens show in what follows."""
    if begun.tokens is None:
        if begun.count in (None, len(trained)):
            return None
        return (
            f"{len(trained)} tokens in training are {begun.count} in serving: the chat template, "
            "the system prompt or the special tokens differ."
        )
    for place, (there, here) in enumerate(zip_longest(trained, begun.tokens)):
        if there != here:
            return (
                f"token {place} was {_shown(there)} in training and is {_shown(here)} in serving: "
                "the chat template, the system prompt or the special tokens differ."
            )
    return None


def _shown(token: int | None) -> str:
    return "missing" if token is None else str(token)


def _distance(trained: Mapping[int, float], served: Mapping[int, float]) -> float:
    """The mean difference over tokens both name, each counted by its chance; infinite for none."""
    both = trained.keys() & served.keys()
    if not both:
        return float("inf")
    weights = {token: exp(trained[token]) + exp(served[token]) for token in both}
    total = sum(weights.values())
    return sum(abs(trained[t] - served[t]) * weights[t] for t in both) / total


def _sample(written: Mapping[str, Any]) -> Sample:
    top = {int(token): float(value) for token, value in written["top"].items()}
    if not top or not all(value <= 0 and isfinite(value) for value in top.values()):
        raise ValueError("these are no log-probabilities")
    messages = [Message(role=m["role"], content=str(m["content"])) for m in written["messages"]]
    return Sample(messages, [int(token) for token in written["tokens"]], top)
