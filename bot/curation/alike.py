"""
Which examples ask the same as a question, and how sure that is, by words, meaning and answers.
Pure: ``bot.curation.near_duplicates`` brings the candidates.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

from bot.curation.prints import Prints, prints_of, prints_of_pair
from bot.embedding.index import Nearness
from bot.words import STOP_WORDS

#: Questions at least so alike ask the same.
ALIKE = 0.8
#: So much of a question in one example, and so much less in any other, asks the same too;
#: chosen on the seed's second wordings (docs/decisions/0040).
CLEARLY_BEST = 0.74
#: With a sentence model: the cosine, so much of the share of words, and so much of the lead over
#: the next, together at least this; chosen on the second wordings too (docs/decisions/0058).
SHARE_WEIGHT, LEAD_WEIGHT = 0.5, 0.5
SURE_BY_MEANING = 0.69
#: Where the answer is known too, so much of its likeness is added: two who teach one fact differ
#: more in how they ask than in what they answer. At least these, with and without a sentence
#: model; chosen on second wordings whose answers had lost half their words (decision 0058).
ANSWER_WEIGHT = 0.8
SURE_WITH_ANSWER, SURE_WITH_ANSWER_BY_WORDS = 1.1, 0.7
#: Where the answers differ, only questions with this cosine are shown as contradicting each other:
#: of facts that have nothing to do with each other four of a hundred are then (decision 0058).
SURE_WITHOUT_ANSWER = 0.65


@dataclass(frozen=True, eq=False)
class Candidate:
    """Equal to itself alone: hashing fifty of them by their texts, ten times over, takes time."""

    example_id: int
    question: str
    answer: str


@dataclass(frozen=True)
class Asked:
    """
    A question as candidates are compared with it, with its answer where it has one. ``counts`` is
    how many examples have each of its telling words, ``weights`` what the stem of each counts:
    much if few examples have it.
    """

    question: str
    answer: str
    stems: Prints
    counts: Mapping[str, int]
    weights: Sequence[tuple[int, float]]

    @property
    def is_of_fillers(self) -> bool:
        return not STOP_WORDS.isdisjoint(self.counts)

    def share(self, stems: Prints) -> float:
        """Which part of the words' weight a text with these stems has."""
        return sum([weight for root, weight in self.weights if root in stems]) / self._all_weights

    @cached_property
    def _all_weights(self) -> float:
        return sum(weight for _, weight in self.weights) or 1.0


def find_alike(
    asked: Asked, candidates: Collection[Candidate], nearness: Nearness | None
) -> list[tuple[Candidate, float]]:
    """The candidates that ask the same, and how sure that is, from 0 to 1; the surest first."""
    stems = {each: prints_of_pair(each.question, each.answer) for each in candidates}
    shares = {each: asked.share(both) for each, (both, _) in stems.items()}
    answers = {each: answer for each, (_, answer) in stems.items()}
    scored = _clearly_best(shares, nearness, _same_answers(asked, answers))
    for each, share in shares.items():
        # A question has no more of the words than it has with its answer, fillers apart.
        both = _both_ways(asked, each) if share >= ALIKE or asked.is_of_fillers else 0.0
        if both >= ALIKE:
            scored[each] = both
    return sorted(scored.items(), key=lambda found: (-found[1], found[0].example_id))


def _same_answers(asked: Asked, answers: Mapping[Candidate, Prints]) -> dict[Candidate, float]:
    """
    How alike the answers are, from 0 to 1; empty for a question without one. ``answers`` are the
    stems of the candidates' answers.
    """
    if not asked.answer:
        return {}
    _, stems = prints_of_pair(asked.question, asked.answer)
    return {
        each: overlap(asked.answer, each.answer, stems, theirs) for each, theirs in answers.items()
    }


def _clearly_best(
    shares: Mapping[Candidate, float],
    nearness: Nearness | None,
    answers: Mapping[Candidate, float],
) -> dict[Candidate, float]:
    """What asks the same in other words, and how sure that is: the best alone, or none."""
    cosines = {each: nearness.of(each.example_id) for each in shares} if nearness else {}
    known = {each: cosine for each, cosine in cosines.items() if cosine is not None}
    sums = {each: cosine + SHARE_WEIGHT * shares[each] for each, cosine in known.items()}
    by_words = len(known) < 2
    if not answers:
        if by_words:
            return _leading(shares, shares, 1.0, CLEARLY_BEST)
        return _leading(known, sums, LEAD_WEIGHT, SURE_BY_MEANING)
    if by_words:
        added = _with_answers(shares, answers)
        return _leading(shares, added, LEAD_WEIGHT, SURE_WITH_ANSWER_BY_WORDS)
    near = {each: cosine for each, cosine in known.items() if cosine >= SURE_WITHOUT_ANSWER}
    return near | _leading(known, _with_answers(sums, answers), LEAD_WEIGHT, SURE_WITH_ANSWER)


def _with_answers(
    sums: Mapping[Candidate, float], answers: Mapping[Candidate, float]
) -> dict[Candidate, float]:
    return {each: sums[each] + ANSWER_WEIGHT * answers[each] for each in sums if each in answers}


def _leading(
    similarity: Mapping[Candidate, float],
    sums: Mapping[Candidate, float],
    lead_weight: float,
    sure: float,
) -> dict[Candidate, float]:
    """The one with the greatest sum, if that and its lead over the next are enough."""
    ranked = sorted(sums, key=lambda each: -sums[each])
    if not ranked:
        return {}
    # One that stands alone leads nobody.
    lead = sums[ranked[0]] - sums[ranked[1]] if len(ranked) > 1 else 0.0
    is_sure = sums[ranked[0]] + lead_weight * lead >= sure
    return {ranked[0]: min(1.0, similarity[ranked[0]])} if is_sure else {}


def _both_ways(asked: Asked, candidate: Candidate) -> float:
    """How much each of two questions has of the other."""
    stems = prints_of(candidate.question)
    in_common = overlap(asked.question, candidate.question, asked.stems, stems)
    return min(asked.share(stems), in_common)


def overlap(one: str, other: str, stems: Prints, others: Prints) -> float:
    """How much two texts have in common: the cosine of their stems."""
    if not stems or not others:
        return float(one.strip() == other.strip())
    return len(stems & others) / sqrt(len(stems) * len(others))
