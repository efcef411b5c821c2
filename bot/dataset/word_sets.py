"""
The words of many texts as numbers, the rarest word of each text first. Pure.

A set of strings for each text would take most of the memory of a snapshot.
"""

from array import array
from collections.abc import Iterable, Sequence
from math import fsum, log

import numpy as np
from numpy.typing import NDArray

from bot.words import stem, words_of

#: Texts at least so alike ask the same, from 0 to 1: the cosine of their words, rare ones
#: weighing more.
ALIKE = 0.85


class WordSets:
    """
    Text ``n`` has the words ``words[starts[n]:][:lengths[n]]``, each once.

    Words are numbered from the rarest on. ``weights`` is what each contributes to a squared
    length, much if it is rare, and ``squared`` the length of each text, but for rounding.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        roots = _Roots()
        words, lengths = array("i"), array("i")
        for text in texts:
            found = roots.of(text)
            words.extend(found)
            lengths.append(len(found))
        self.lengths = np.array(lengths, np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths
        numbered, counts = _from_the_rarest(np.array(words, np.int32), list(roots.numbers))
        self.words = _rarest_first(numbered, self.lengths)
        self._exactly = [log(1 + len(lengths) / count) ** 2 for count in counts]
        self.weights = np.array(self._exactly)
        self.squared = np.add.reduceat(self.weights[self.words], self.starts)

    def __len__(self) -> int:
        return len(self.lengths)

    def are_alike(self, one: int, other: int) -> bool:
        mine, others = self._set(one), self._set(other)
        if mine == others:
            return True
        lengths = self._squared(mine) * self._squared(others)
        return self._squared(mine & others) ** 2 >= ALIKE**2 * lengths

    def _set(self, number: int) -> set[int]:
        start = self.starts[number]
        return set(self.words[start : start + self.lengths[number]].tolist())

    def _squared(self, words: set[int]) -> float:
        """The squared length; exact, whatever the order of the words."""
        return fsum(self._exactly[word] for word in words)


class _Roots(dict[str, int]):
    """The number of each word's stem, found once: many texts have few words and many of each."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __missing__(self, word: str) -> int:
        self[word] = self._number(stem([word])[0])
        return self[word]

    def of(self, text: str) -> set[int]:
        # Fillers too: "is" and "was" can be all the difference. Text without words is its own.
        return set(map(self.__getitem__, words_of(text))) or {self._number(text.strip())}

    def _number(self, root: str) -> int:
        return self.numbers.setdefault(root, len(self.numbers))


def _from_the_rarest(
    words: NDArray[np.int32], roots: Sequence[str]
) -> tuple[NDArray[np.int32], list[int]]:
    """The words under other numbers, and how many texts have each."""
    counts = np.bincount(words, minlength=len(roots)).tolist()
    order = sorted(range(len(roots)), key=lambda number: (counts[number], roots[number]))
    renamed = np.empty(len(roots), np.int32)
    renamed[order] = np.arange(len(roots), dtype=np.int32)
    return renamed[words], [counts[number] for number in order]


def _rarest_first(words: NDArray[np.int32], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    """The words of each text in the order of their numbers."""
    within = np.repeat(np.arange(len(lengths)) << 32, lengths) | words
    within.sort()
    return (within & 0xFFFFFFFF).astype(np.int32)
