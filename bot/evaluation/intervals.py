"""
How sure a mean is: the cluster bootstrap's two-sided 95 % interval. Pure.

Several wordings of one fact are one cluster and are drawn together: they succeed or fail
together, and counting them as independent would promise more certainty than there is. Paired
comparisons pass one difference per question. See docs/decisions/0010.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

RESAMPLES = 5_000
CONFIDENCE = 0.95
#: The same scores give the same interval, whoever computes it.
_SEED = 20260601
_AT_ONCE = 1_000
#: Up to so many clusters the draws are kept: 8 MB.
_FEW = 200


@dataclass(frozen=True)
class Interval:
    """A mean with its bounds."""

    mean: float
    low: float
    high: float


def interval_of(
    values: Sequence[float], clusters: Sequence[Hashable], *, looks: int = 1
) -> Interval:
    """
    Estimate the mean of ``values``; ``clusters`` names the cluster of each.

    The best of several, chosen by the same values, is the more likely to owe it to luck: with
    ``looks`` of them the interval is so wide that all of theirs are right at once (Bonferroni).

    Raises:
        ValueError: nothing to average, or something that is not a number.
    """
    scores = np.asarray(values, dtype=float)
    if len(scores) == 0 or len(scores) != len(clusters) or not np.isfinite(scores).all():
        raise ValueError("An interval needs one finite value for each question.")
    sums, sizes = _cluster_sums(scores, clusters)
    if len(sums) == 1:  # one cluster says nothing about the next
        return Interval(float(scores.mean()), -float("inf"), float("inf"))
    means = _resampled_means(sums, sizes)
    tail = _tail(len(sums), looks)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(scores.mean()), float(low), float(high))


def _cluster_sums(
    scores: npt.NDArray[np.float64], clusters: Sequence[Hashable]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    names = {name: index for index, name in enumerate(dict.fromkeys(clusters))}
    members = np.array([names[name] for name in clusters])
    return (
        np.bincount(members, weights=scores).astype(float),
        np.bincount(members).astype(float),
    )


def _resampled_means(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    if len(sums) <= _FEW:
        drawn = _how_often_drawn(len(sums))
        # Not ``@``: for so little, BLAS's threads wait for one another longer than the sum takes,
        # on a busy machine forty times as long.
        totals = np.einsum("ij,j->i", drawn, sums)
        if (sizes == sizes[0]).all():  # as many were drawn in every resample
            return np.asarray(totals / sizes.sum())
        return np.asarray(totals / np.einsum("ij,j->i", drawn, sizes))
    return np.concatenate([sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
                           for drawn in _draws(len(sums))])  # fmt: skip


def _draws(clusters: int) -> Iterator[npt.NDArray[np.int64]]:
    """The clusters of each resample, in pieces: memory stays flat for large sets."""
    random = np.random.default_rng(_SEED)
    for _ in range(RESAMPLES // _AT_ONCE):
        yield random.integers(clusters, size=(_AT_ONCE, clusters))


@lru_cache(maxsize=8)
def _how_often_drawn(clusters: int) -> npt.NDArray[np.float64]:
    """
    How often each resample holds each cluster, shape (resamples, clusters).

    The draws are the same for every interval over as many clusters, and a gate asks for many.
    """
    pieces = []
    for drawn in _draws(clusters):
        rows = np.arange(len(drawn))[:, None]
        flat = np.bincount((rows * clusters + drawn).ravel(), minlength=len(drawn) * clusters)
        pieces.append(flat.reshape(len(drawn), clusters).astype(float))
    return np.concatenate(pieces)


def _tail(clusters: int, looks: int) -> float:
    """
    The share to cut off on each side.

    Percentiles of few clusters lie too near together, as if the spread were known; cutting off
    less makes the interval as wide as Student's t would ("expanded percentile").
    """
    normal = NormalDist()
    freedom = clusters - 1
    quantile = _student_quantile(1 - (1 - CONFIDENCE) / looks / 2, freedom)
    return normal.cdf(-quantile * (clusters / freedom) ** 0.5)


def _student_quantile(probability: float, freedom: int) -> float:
    """The usual expansion around the normal quantile; within 1 % from two degrees of freedom on."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))
