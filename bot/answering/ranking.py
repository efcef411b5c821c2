"""
BM25 as SQLite computes it, for a few texts at a time, and which texts deserve it. Pure.

SQLite's own function looks at every row with any of the words; this one at rows already found.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray

from bot.words import stem, words_of

#: SQLite's constants: how soon a word's repetition stops counting, how much length matters.
_K1, _B = 1.2, 0.75
#: The weight SQLite gives a word that half of all rows have.
_SMALLEST_WEIGHT = 1e-6

_Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """``counts``: rows that have each word of the question; lengths are in words."""

    rows: int
    average_length: float
    counts: Mapping[str, int]

    def weight(self, word: str) -> float:
        """Much for a word that few rows have."""
        count = self.counts[word]
        return max(log((self.rows - count + 0.5) / (count + 0.5)), _SMALLEST_WEIGHT)

    @cached_property
    def roots(self) -> list[tuple[str, float]]:
        """What each word looks for in a text, and its weight."""
        return [(root, self.weight(word)) for word in self.counts for root in stem([word])]


def bm25(
    corpus: Corpus, question: str, answer: str, *, question_weight: float, answer_weight: float
) -> float:
    """Score one example for the words of ``corpus``: larger fits better."""
    asked, answered = stem(words_of(question)), stem(words_of(answer))
    in_question, in_answer = Counter(asked), Counter(answered)
    length = (len(asked) + len(answered)) / max(corpus.average_length, 1e-9)
    score = 0.0
    for root, weight in corpus.roots:
        found = question_weight * in_question[root] + answer_weight * in_answer[root]
        if found:
            score += weight * _repeated(found, length)
    return score


def best_first(
    corpus: Corpus,
    having: Mapping[str, tuple[_Ids, _Ids]],
    *,
    question_weight: float,
    answer_weight: float,
    first: int,
) -> Iterator[_Ids]:
    """
    Ids of examples by what BM25 would say if all had the average length and each word once: first
    the best few, then those that follow.

    ``having`` says of each word which examples have it, and which of these in the question.
    """
    in_answer = _repeated(answer_weight, 1.0)
    besides = _repeated(question_weight, 1.0) - in_answer
    parts = [
        (ids, share * corpus.weight(word))
        for word, (everywhere, in_question) in having.items()
        for ids, share in ((everywhere, in_answer), (in_question, besides))
    ]
    sums = np.bincount(
        np.concatenate([ids for ids, _ in parts]),
        np.concatenate([np.full(len(ids), score) for ids, score in parts]),
    )
    found = np.flatnonzero(sums)
    if first < len(found):
        found = found[np.argpartition(-sums[found], first - 1)]
    for some in (found[:first], found[first:]):
        yield some[np.argsort(-sums[some], kind="stable")]


def _repeated(found: float, length: float) -> float:
    """How often a word was found counts ever less, and less in a long text."""
    return found * (_K1 + 1) / (found + _K1 * (1 - _B + _B * length))
