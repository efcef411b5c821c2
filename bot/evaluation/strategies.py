"""The strategies that compete, and what they are called. Pure."""

from collections.abc import Sequence

from bot.answering.strategy import FULL_SCALE, Strategy

#: How many retrieved examples are tried in the prompt. More than one answered no better in any
#: experiment with the small model (docs/experiments.md), and every one costs reading time.
EXAMPLES_TRIED = (0, 1)
#: How strongly an adapter of our own acts. Each further scale takes time and widens the gate's
#: interval, and half of it gained nothing where it was measured (docs/benchmarks.md).
SCALES_TRIED = (FULL_SCALE,)


def competitors(
    candidate: str,
    live: Strategy | None,
    examples: Sequence[int] = EXAMPLES_TRIED,
    scales: Sequence[float] = SCALES_TRIED,
) -> list[Strategy]:
    """
    Prompting alone and the candidate, each with every number of examples, the candidate at every
    scale; and what is live.

    A live strategy of the base model is among the first already, or nearly so.
    """
    strategies = [Strategy(None, k) for k in examples]
    strategies += [Strategy(candidate, k, scale) for scale in scales for k in examples]
    if live and live.version_name not in (None, candidate):
        strategies.append(live)
    return strategies


def key_of(strategy: Strategy) -> str:
    """The name a strategy is stored under: ``base+1``, ``workspace-v7+3@0.5``."""
    at = "" if strategy.scale == FULL_SCALE else f"@{strategy.scale:g}"
    return f"{strategy.version_name or 'base'}+{strategy.examples}{at}"


def is_of(key: str, version_name: str) -> bool:
    """Say whether a key of ``key_of`` is that of one of a version's strategies."""
    return key.rpartition("+")[0] == version_name


def title_of(strategy: Strategy, candidate: str) -> str:
    """The name people read: ``base + 1 example``, ``tuned × 0.5``, ``workspace-v6``."""
    model = strategy.version_name or "base"
    if strategy.version_name == candidate:
        model = "tuned"
    model += strategy.scale_words
    if strategy.examples == 0:
        return model
    return f"{model} + {strategy.examples} example{'' if strategy.examples == 1 else 's'}"
