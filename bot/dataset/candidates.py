"""
Which pairs of texts may be alike. Pure.

Two texts that are alike share one of their rarest words, so only texts with a rare word in common
are looked at, and of these nearly all are told apart by the next words one has and the other has
not. In a large data set that is dozens of pairs a text: too many for a loop of Python's.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bot.dataset.word_sets import ALIKE, WordSets

#: Of the texts with a rare word in common each is compared with so many, the last ones.
COMPARED_AT_MOST = 40
#: So many of a text's rarest words are looked for in the other one.
LOOKED_FOR = 8
#: How many pairs are in memory at once.
AT_ONCE = 200_000
#: No pair is lost to rounding.
_ABOUT = 1e-6

_Numbers = NDArray[np.int64]


def candidates(texts: WordSets) -> Iterator[tuple[int, int]]:
    """Pairs of places in ``texts``: every pair that is alike among those compared, few others."""
    words, having = _by_rare_word(texts)
    marks = _Marks(texts)
    for apart in range(1, COMPARED_AT_MOST + 1):
        for start in range(0, len(words) - apart, AT_ONCE):
            end = min(start + AT_ONCE, len(words) - apart)
            later = slice(start + apart, end + apart)
            same = words[start:end] == words[later]
            one, other = marks.left(having[later][same], having[start:end][same])
            yield from zip(one.tolist(), other.tolist(), strict=True)


def _by_rare_word(texts: WordSets) -> tuple[_Numbers, _Numbers]:
    """
    Words of which an alike text has at least one, and the text of each; by word, then by text.

    Without all of them it would miss more of the text's length than an alike one may.
    """
    missing = (1 - ALIKE**2 + _ABOUT) * texts.squared
    weight = np.zeros(len(texts))
    active, place = np.arange(len(texts)), 0
    words, having = [active[:0]], [active[:0]]
    while len(active):
        found = texts.words[texts.starts[active] + place].astype(np.int64)
        words.append(found)
        having.append(active)
        weight[active] += texts.weights[found]
        place += 1
        active = active[(weight[active] <= missing[active]) & (texts.lengths[active] > place)]
    every_word, every_text = np.concatenate(words), np.concatenate(having)
    order = np.lexsort((every_text, every_word))
    return every_word[order], every_text[order]


class _Marks:
    """Tells most texts that are not alike apart, by 64 bits in place of all words of each."""

    def __init__(self, texts: WordSets) -> None:
        self._texts = texts
        numbers = np.arange(len(texts.weights), dtype=np.uint64)
        self._of_word = np.uint64(1) << (numbers % np.uint64(64))
        self._of_text = np.bitwise_or.reduceat(self._of_word[texts.words], texts.starts)

    def left(self, one: _Numbers, other: _Numbers) -> tuple[_Numbers, _Numbers]:
        """Those pairs of which the first may have enough of its weight in the second."""
        texts = self._texts
        mine, others = texts.squared[one], texts.squared[other]
        wanted = ALIKE * np.sqrt(mine * others) * (1 - _ABOUT)
        # Nothing is shared beyond the shorter one.
        one, other, spare = _kept(others >= wanted, one, other, mine - wanted)
        for place in range(LOOKED_FOR):
            one, other, spare = _kept(spare >= 0, one, other, spare)
            at = texts.starts[one] + np.minimum(place, texts.lengths[one] - 1)
            word = texts.words[at]
            is_missing = (self._of_text[other] & self._of_word[word]) == 0
            is_missing &= texts.lengths[one] > place
            spare = spare - np.where(is_missing, texts.weights[word], 0.0)
        one, other, _ = _kept(spare >= 0, one, other, spare)
        return one, other


def _kept(
    where: NDArray[np.bool_], one: _Numbers, other: _Numbers, spare: NDArray[np.float64]
) -> tuple[_Numbers, _Numbers, NDArray[np.float64]]:
    return one[where], other[where], spare[where]
