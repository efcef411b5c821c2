"""
BM25 as SQLite computes it, for a few texts at a time. Pure.

SQLite's own function looks at every row with any of the words; this one at rows already found.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from bot.words import stem, words_of

#: SQLite's constants: how soon a word's repetition stops counting, how much length matters.
_K1, _B = 1.2, 0.75
#: The weight SQLite gives a word that half of all rows have.
_SMALLEST_WEIGHT = 1e-6


@dataclass(frozen=True)
class Corpus:
    """``counts``: rows that have each word of the question; lengths are in words."""

    rows: int
    average_length: float
    counts: Mapping[str, int]


def bm25(
    corpus: Corpus, question: str, answer: str, *, question_weight: float, answer_weight: float
) -> float:
    """Score one example for the words of ``corpus``: larger fits better."""
    asked, answered = stem(words_of(question)), stem(words_of(answer))
    in_question, in_answer = Counter(asked), Counter(answered)
    length = (len(asked) + len(answered)) / max(corpus.average_length, 1e-9)
    score = 0.0
    for word, count in corpus.counts.items():
        [root] = stem([word])
        found = question_weight * in_question[root] + answer_weight * in_answer[root]
        if found:
            weight = max(log((corpus.rows - count + 0.5) / (count + 0.5)), _SMALLEST_WEIGHT)
            score += weight * found * (_K1 + 1) / (found + _K1 * (1 - _B + _B * length))
    return score
