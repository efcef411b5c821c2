"""
What trainers take and what they charge, as known on a date: a table, and sums over it. Pure.

Prices change; each has the day it was seen and where, and is shown with both. None is not known.
"""

from dataclasses import dataclass

from bot.training.hyperparameters import Hyperparameters


@dataclass(frozen=True)
class Price:
    """
    ``per_million`` is US dollars for a million trained tokens, every epoch counted.

    ``hosting_per_hour`` is what serving the result costs while nobody asks.
    """

    model: str
    per_million: float | None
    seen_on: str
    source: str
    hosting_per_hour: float = 0.0


@dataclass(frozen=True)
class Hosting:
    """What a deployment of a tuned model costs while it is there, asked or not."""

    tier: str
    per_hour: float
    seen_on: str
    source: str


_FOUNDRY = "Microsoft Foundry, cost-management.md"
HOSTING = {
    "standard": Hosting("standard", 1.70, "2026-10", _FOUNDRY),
    "developer": Hosting("developer", 0.0, "2026-10", _FOUNDRY),
}


@dataclass(frozen=True)
class Terms:
    """``context_tokens`` None is the base model's own; rows longer than that are cut."""

    trainer: str
    fewest_rows: int
    price: Price
    context_tokens: int | None = None
    is_own_machine: bool = False
    #: Passes: None follows from the rows, by OpenAI's rule or by our own.
    epochs: int | None = None
    has_our_epochs: bool = False


@dataclass(frozen=True)
class Estimate:
    """``dollars`` None: the price is not known. ``tokens`` are trained, all epochs together."""

    trainer: str
    model: str
    rows: int
    has_enough_rows: bool
    fewest_rows: int
    epochs: int
    tokens: int
    dollars: float | None
    hosting_per_hour: float
    price_seen_on: str
    price_source: str


_OWN = Price("BASE_MODEL", 0.0, "2026-11-24", "your own machine")
#: Seen on third-party pages that quote the providers; ask the provider before you rely on one.
TERMS = (
    Terms("local", 8, _OWN, is_own_machine=True),
    Terms("trl", 8, _OWN, is_own_machine=True),
    Terms("autotrain", 8, _OWN, is_own_machine=True),
    Terms(
        "openai",
        10,
        Price(
            "gpt-4o-mini-2024-07-18", 3.0, "2026-04", "tokenmix.ai/blog/openai-fine-tuning-pricing"
        ),
        65_536,
    ),
    Terms(
        "azure",
        10,
        Price(
            "gpt-4o-mini-2024-07-18",
            None,
            "2026-10",
            f"{_FOUNDRY} (hosting; tokens by region)",
            hosting_per_hour=HOSTING["standard"].per_hour,
        ),
        64_536,
    ),
    Terms(
        "nebius",
        10,
        Price("Llama-3.1-8B", None, "2026-11", "docs.tokenfactory.nebius.com"),
        epochs=3,
    ),
    Terms(
        "together",
        10,
        Price("up to 16B, LoRA", None, "2026-11", "together.ai/pricing"),
        epochs=3,
    ),
)
_PRICED = "tokenmix.ai/blog/openai-fine-tuning-pricing"
#: By the model's name; what is not here has a price nobody here has seen.
_MODELS = {
    "gpt-4o-mini-2024-07-18": Price("gpt-4o-mini-2024-07-18", 3.0, "2026-04", _PRICED),
    "gpt-4o-2024-08-06": Price("gpt-4o-2024-08-06", 25.0, "2026-04", _PRICED),
}
#: OpenAI's rule for epochs, as its data preparation notebook has it.
_USUAL, _FEWEST, _MOST, _MOST_EPOCHS = 3, 100, 25_000, 25


def openai_epochs(rows: int) -> int:
    """How many passes OpenAI makes where none are asked for."""
    if rows <= 0:
        return 0
    if rows * _USUAL < _FEWEST:
        return min(_MOST_EPOCHS, _FEWEST // rows)
    if rows * _USUAL > _MOST:
        return max(1, _MOST // rows)
    return _USUAL


def at_openai(model: str) -> Price:
    """What tuning this model costs at OpenAI; None where no price was seen."""
    return _MODELS.get(model) or Price(model, None, "2026-11", "no price seen")


def _epochs(terms: Terms, rows: int) -> int:
    if not rows:
        return 0
    if terms.epochs is not None:
        return terms.epochs
    ours = terms.is_own_machine or terms.has_our_epochs
    return Hyperparameters().epochs(rows) if ours else openai_epochs(rows)


def estimate(terms: Terms, tokens: list[int]) -> Estimate:
    """What one run over rows of these sizes takes at a trainer."""
    rows = len(tokens)
    limit = terms.context_tokens
    once = sum(min(size, limit) if limit else size for size in tokens)
    epochs = _epochs(terms, rows)
    price = terms.price.per_million
    return Estimate(
        trainer=terms.trainer,
        model=terms.price.model,
        rows=rows,
        has_enough_rows=rows >= terms.fewest_rows,
        fewest_rows=terms.fewest_rows,
        epochs=epochs,
        tokens=epochs * once,
        dollars=None if price is None else epochs * once * price / 1e6,
        hosting_per_hour=terms.price.hosting_per_hour,
        price_seen_on=terms.price.seen_on,
        price_source=terms.price.source,
    )
