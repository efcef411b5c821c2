"""Which of a row's answers a provider is to learn. Pure."""

from collections.abc import Sequence
from typing import Any

from bot.engines.client import Message


def weighed(row: Sequence[Message]) -> list[dict[str, Any]]:
    """Only the last answer is to be learned; providers would train, and bill, all of them."""
    earlier = [
        {**turn, "weight": 0} if turn["role"] == "assistant" else dict(turn) for turn in row[:-1]
    ]
    return [*earlier, dict(row[-1])]
