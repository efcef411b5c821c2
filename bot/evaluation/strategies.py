"""The strategies that compete, and what they are called. Pure."""

from collections.abc import Sequence

from bot.answering.strategy import Strategy

#: How many retrieved examples are tried in the prompt. More than one answered no better in any
#: experiment with the small model (docs/experiments.md), and every one costs reading time.
EXAMPLES_TRIED = (0, 1)


def competitors(
    candidate: str, live: Strategy | None, examples: Sequence[int] = EXAMPLES_TRIED
) -> list[Strategy]:
    """
    Prompting alone and the candidate, each with every number of examples; and what is live.

    A live strategy of the base model is among the first already, or nearly so.
    """
    strategies = [Strategy(None, k) for k in examples] + [Strategy(candidate, k) for k in examples]
    if live and live.version_name not in (None, candidate):
        strategies.append(live)
    return strategies


def key_of(strategy: Strategy) -> str:
    """The name a strategy is stored under: ``base+1``, ``workspace-v7+3``."""
    return f"{strategy.version_name or 'base'}+{strategy.examples}"


def title_of(strategy: Strategy, candidate: str) -> str:
    """The name people read: ``base + 1 example``, ``tuned``, ``workspace-v6 + 3 examples``."""
    model = strategy.version_name or "base"
    if strategy.version_name == candidate:
        model = "tuned"
    if strategy.examples == 0:
        return model
    return f"{model} + {strategy.examples} example{'' if strategy.examples == 1 else 's'}"
