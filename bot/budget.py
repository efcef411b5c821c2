"""
What training may cost: limits of a run and of a calendar month (UTC), in dollars and hours. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

#: Sums of cents are not exact: what is at a limit is not above it.
_EXACTLY = 1e-6


@dataclass(frozen=True)
class Limits:
    """0 is no limit."""

    dollars_per_run: float = 0.0
    dollars_per_month: float = 0.0
    hours_per_run: float = 0.0
    hours_per_month: float = 0.0


@dataclass(frozen=True)
class Spent:
    """What the runs of a month took, or are going to take."""

    dollars: float = 0.0
    hours: float = 0.0


def objections(
    limits: Limits, dollars: float | None, hours: float | None, spent: Spent
) -> list[str]:
    """Why a run needs an admin's approval, a sentence each; None is not known."""
    return [
        *_objections(dollars, limits.dollars_per_run, limits.dollars_per_month, spent.dollars, "$"),
        *_objections(hours, limits.hours_per_run, limits.hours_per_month, spent.hours, "h"),
    ]


def _objections(
    amount: float | None, per_run: float, per_month: float, spent: float, unit: str
) -> Iterator[str]:
    if amount is None:
        if per_run or per_month:
            what = "What it costs" if unit == "$" else "How long it trains"
            yield f"{what} is not known beforehand, and there is a limit."
        return
    if per_run and amount > per_run + _EXACTLY:
        yield f"A run may take {shown(per_run, unit)}; this one is estimated at " + (
            f"{shown(amount, unit)}."
        )
    if per_month and spent + amount > per_month + _EXACTLY:
        yield (
            f"A month may take {shown(per_month, unit)}; {shown(spent, unit)} of it is gone, and "
            f"this run is estimated at {shown(amount, unit)}."
        )


def shown(amount: float, unit: str) -> str:
    """``$1.50``, ``2.5 hours``, ``4 minutes``."""
    if unit == "$":
        return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else "less than $0.01"
    if amount >= 1:
        return f"{amount:,.1f} hours"
    seconds = max(1, round(amount * 3600))
    number, word = (seconds, "second") if seconds < 60 else (round(seconds / 60), "minute")
    return f"{number} {word}{'' if number == 1 else 's'}"


def per_day(per_hour: float) -> str:
    """``$40.80 a day``."""
    return f"{shown(24 * per_hour, '$')} a day"


def month_of(now: datetime) -> datetime:
    """When the month began."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
