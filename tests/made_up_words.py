"""Sentences of made-up words, some of which are everywhere and most of which are rare."""

import random
from bisect import bisect
from itertools import accumulate


class Words:
    """Zipf's law: the n-th word comes up 1/n as often as the first; the same for the same seed."""

    def __init__(self, seed: int, vocabulary: int = 50_000) -> None:
        self._random = random.Random(seed)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(vocabulary)))

    def word(self) -> str:
        point = self._random.random() * self._weights[-1]
        return f"w{bisect(self._weights, point)}x"

    def sentence(self, fewest: int, most: int) -> str:
        return " ".join(self.word() for _ in range(self._random.randint(fewest, most)))

    def reworded(self, sentence: str) -> str:
        """The sentence with a third of its words exchanged."""
        return " ".join(
            self.word() if self._random.random() < 1 / 3 else word for word in sentence.split()
        )
