"""Strategies that answered the same questions, compared question by question. Pure."""

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from bot.answering.strategy import FULL_SCALE, Strategy
from bot.evaluation.intervals import Interval, interval_of


@dataclass(frozen=True)
class Scored:
    """
    One strategy's token F1 by held-out question; ``strays`` are the questions to which it gave
    the answer of another.
    """

    strategy: Strategy
    scores: Mapping[int, float]
    strays: Set[int] = field(default_factory=frozenset)


class Paired:
    """
    Comparisons of strategies over one set of held-out questions.

    ``looks`` is among how many of the candidate's strategies the best is chosen.
    """

    def __init__(self, clusters: Mapping[int, Hashable], margin: float, looks: int) -> None:
        self._margin = margin
        self.looks = looks
        self._questions = list(clusters)
        self._clusters = list(clusters.values())
        self._gains: dict[tuple[Strategy, Strategy], Interval] = {}
        self.questions = len(self._questions)
        self.facts = len(set(self._clusters))

    def mean(self, one: Scored) -> float:
        return sum(one.scores[question] for question in self._questions) / len(self._questions)

    def gain(self, one: Scored, other: Scored) -> Interval:
        """As wide as the choice among the candidate's strategies demands."""
        pair = one.strategy, other.strategy
        if pair not in self._gains:
            self._gains[pair] = self._interval(
                one.scores[key] - other.scores[key] for key in self._questions
            )
        return self._gains[pair]

    def astray(self, one: Scored, other: Scored) -> Interval:
        """By how much larger the share of answers is that belong to other questions."""
        return self._interval(
            float(key in one.strays) - float(key in other.strays) for key in self._questions
        )

    def _interval(self, differences: Iterable[float]) -> Interval:
        return interval_of(list(differences), self._clusters, looks=self.looks)

    def best(self, several: Sequence[Scored]) -> Scored:
        """The highest mean; of equals the one with the shortest prompt."""
        return max(several, key=lambda one: (self.mean(one), *_cheapness(one)))

    def choose(self, several: Sequence[Scored], rival: Scored) -> Scored:
        """
        The cheapest strategy that is surely not worse than the best one by more than the margin,
        and that beats the rival as surely as the best does.
        """
        best = self.best(several)
        earned = self.gain(best, rival).low > 0
        for one in sorted(several, key=_cheapness, reverse=True):
            as_good = one is best or self.gain(one, best).low > -self._margin
            if as_good and (not earned or self.gain(one, rival).low > 0):
                return one
        return best


def _cheapness(one: Scored) -> tuple[int, bool]:
    """Short prompts first, then the scale at which the adapter was trained."""
    return -one.strategy.examples, one.strategy.scale == FULL_SCALE
