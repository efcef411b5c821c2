"""
Two models compared by people's votes, as the votes come in. Pure.

Somebody looks after every vote, so a test for one look would cry wolf sooner or later. An
e-value may be looked at any time: if there is no difference, it ever exceeds 1/α with a
probability of at most α, whenever and however often one looks (Ville's inequality; universal
inference: Wasserman, Ramdas and Balakrishnan, PNAS 2020).
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp, lgamma, log

#: Each wrong decision, either way, has at most this probability over the whole life of a canary.
ALPHA = 0.05
#: Below so many votes for either one, nothing is decided whatever they say: a bug in counting
#: looks like a landslide.
FEWEST_VOTES = 5


class CanaryVerdict(StrEnum):
    GO_ON = "go_on"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True)
class Votes:
    """
    What people said of one model's answers, a vote for each conversation; 👎 and corrections are
    bad. Whose answers they get was drawn for whole conversations, so those are independent.
    """

    good: int = 0
    bad: int = 0

    @property
    def total(self) -> int:
        return self.good + self.bad

    @property
    def share_good(self) -> float:
        return self.good / self.total if self.total else 0.0


def e_value(one: Votes, other: Votes) -> float:
    """
    The evidence that both are not equally good: above 1 for, below 1 against.

    Numerator: each has a rate of its own, averaged over all rates (uniformly). Denominator:
    one rate for both, the one that explains the votes best. Does not depend on their order.
    """
    apart = _averaged(one) + _averaged(other)
    together = _best(Votes(one.good + other.good, one.bad + other.bad))
    return exp(min(apart - together, 700.0))  # beyond this a float overflows


def judge_canary(candidate: Votes, live: Votes, alpha: float = ALPHA) -> CanaryVerdict:
    """Decide now, or go on collecting votes."""
    if min(candidate.total, live.total) < FEWEST_VOTES or e_value(candidate, live) < 1 / alpha:
        return CanaryVerdict.GO_ON
    is_better = candidate.share_good > live.share_good
    return CanaryVerdict.PROMOTE if is_better else CanaryVerdict.ROLL_BACK


def _averaged(votes: Votes) -> float:
    """Log probability of one sequence with these counts, the rate drawn uniformly."""
    return lgamma(votes.good + 1) + lgamma(votes.bad + 1) - lgamma(votes.total + 2)


def _best(votes: Votes) -> float:
    """Log probability of one sequence with these counts at the rate that fits best."""
    return sum(n * log(n / votes.total) for n in (votes.good, votes.bad) if n)
