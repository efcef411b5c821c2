"""
What more examples may be expected to bring, from runs on fewer of them. Pure.

Scores of models trained on n examples mostly follow ``a + b·n^-c``. A handful of noisy runs cannot
tell c, so several are tried and the widest answer of all is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.evaluation.intervals import Interval

#: How fast the error falls with data; reported curves lie between these.
_EXPONENTS = (0.25, 0.5, 1.0)
_TWO_SIDED = 1.96
#: Two trainings on the same rows differ by about so much; no point is surer than this.
_SEED_NOISE = 0.02
#: Where a point has no interval of its own.
_UNKNOWN = 0.2


@dataclass(frozen=True)
class Point:
    """One measured run: examples trained on, token F1, and its 95 % bounds where they are known."""

    examples: int
    f1: float
    low: float | None = None
    high: float | None = None


def expect(points: Sequence[Point], examples: int) -> Interval | None:
    """
    The token F1 to be expected of so many examples; None where fewer than two sizes were measured.

    The bounds hold about 95 % if the curve has one of the usual shapes.
    """
    usable = [point for point in points if point.examples > 0]
    if len({point.examples for point in usable}) < 2 or examples <= 0:
        return None
    found = [_predict(usable, examples, exponent) for exponent in _EXPONENTS]
    middle = found[len(found) // 2][0]
    low = min(mean - _TWO_SIDED * deviation for mean, deviation in found)
    high = max(mean + _TWO_SIDED * deviation for mean, deviation in found)
    return Interval(*(float(min(1.0, max(0.0, value))) for value in (middle, low, high)))


def _predict(points: Sequence[Point], examples: int, exponent: float) -> tuple[float, float]:
    """Weighted least squares over ``n^-exponent``: the mean there, and its standard deviation."""
    places = np.array([[1.0, point.examples**-exponent] for point in points])
    scores = np.array([point.f1 for point in points])
    weights = np.array([1 / _deviation(point) ** 2 for point in points])
    covariance = np.linalg.inv(places.T @ (places * weights[:, None]))
    fit = covariance @ (places.T @ (weights * scores))
    spare = len(points) - 2
    if spare > 0:  # points that lie further apart than their own noise make the curve less sure
        misfit = float(weights @ (scores - places @ fit) ** 2) / spare
        covariance = covariance * max(1.0, misfit)
    there = np.array([1.0, examples**-exponent])
    return float(there @ fit), float(there @ covariance @ there) ** 0.5


def _deviation(point: Point) -> float:
    if point.low is None or point.high is None:
        return _UNKNOWN
    return float(np.hypot((point.high - point.low) / 2 / _TWO_SIDED, _SEED_NOISE))
