"""The lines of an evaluation: one a strategy, as they are stored. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.answering.parity import IF_PROVEN
from bot.answering.strategy import FULL_SCALE, Strategy
from bot.evaluation.strategies import key_of
from storage.tables import Evaluation

Line = Mapping[str, Any]


def best_line(evaluation: Evaluation, version: str | None) -> Line | None:
    """
    The line of a version (None: the base model) to speak of.

    The one that earned its promotion, else the highest score; None if nothing was measured.
    """
    lines = [line for line in evaluation.strategies if line["version"] == version and "f1" in line]
    best = evaluation.evidence.get(IF_PROVEN, evaluation.best)
    # Without a promotion the best is a prompting, of which the highest score is spoken.
    chosen = [line for line in lines if version and line["name"] == best]
    if chosen:
        return chosen[0]
    return max(lines, key=lambda line: line["f1"], default=None)


def key_of_line(line: Line) -> str:
    """The key its answers are stored under."""
    return key_of(strategy_of_line(line))


def strategy_of_line(line: Line) -> Strategy:
    """What a line measures; also of one in an evaluation's evidence. Older ones have no scale."""
    return Strategy(line["version"], line["examples"], line.get("scale", FULL_SCALE))
