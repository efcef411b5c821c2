"""
Near-duplicate questions, so that one question never stands on both sides of a split. Pure.

Nothing is compared with everything: two texts that are alike share one of their rarest words, so
only texts with a rare word in common are looked at.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import fsum, log

from bot.words import stem, words_of

#: Texts at least so alike ask the same, from 0 to 1: the cosine of their words, rare ones
#: weighing more.
ALIKE = 0.85
#: Of the texts with a rare word in common each is compared with so many, the last ones.
COMPARED_AT_MOST = 40


def clusters_of(questions: Mapping[int, Iterable[str]]) -> dict[int, int]:
    """
    Map each example to its cluster, named by the smallest example id in it.

    ``questions`` are all wordings of each example. Examples share a cluster if a wording of one
    has nearly the same words as a wording of the other, in any order, form, case and punctuation.
    """
    parent = {key: key for key in sorted(questions)}
    # In an order that only the texts decide: the same data set splits the same way anywhere.
    ordered = sorted((text, key) for key in parent for text in questions[key])
    roots = _Roots()
    texts = [(key, roots.of(text)) for text, key in ordered]
    weights = _weights(words for _, words in texts)
    squared = [_squared(words, weights) for _, words in texts]
    with_rare: dict[str, list[int]] = {}
    for place, (key, words) in enumerate(texts):
        for word in _rarest(words, weights):
            others = with_rare.setdefault(word, [])
            for each in others[-COMPARED_AT_MOST:]:
                # Nothing is shared beyond the shorter one: most pairs end here.
                if min(squared[place], squared[each]) < ALIKE**2 * max(
                    squared[place], squared[each]
                ):
                    continue
                other_key, other = texts[each]
                if _root(parent, key) != _root(parent, other_key) and _alike(words, other, weights):
                    _join(parent, key, other_key)
            others.append(place)
    return {key: _root(parent, key) for key in parent}


class _Roots(dict[str, str]):
    """The stem of each word, made once: a large data set has few words and many of each."""

    def __missing__(self, word: str) -> str:
        self[word] = stem([word])[0]
        return self[word]

    def of(self, text: str) -> frozenset[str]:
        # Fillers too: "is" and "was" can be all the difference. Text without words is its own.
        return frozenset(map(self.__getitem__, words_of(text))) or frozenset({text.strip()})


def _weights(texts: Iterable[frozenset[str]]) -> dict[str, float]:
    """What each word contributes to a squared length: much if it is rare."""
    counts: Counter[str] = Counter()
    total = 0
    for words in texts:
        counts.update(words)
        total += 1
    return {word: log(1 + total / count) ** 2 for word, count in counts.items()}


def _rarest(words: frozenset[str], weights: Mapping[str, float]) -> list[str]:
    """Words of which an alike text has at least one: without them it could not be alike."""
    in_order = sorted(words, key=lambda word: (-weights[word], word))
    missing = (1 - ALIKE**2) * sum(weights[word] for word in in_order)
    chosen, weight = [], 0.0
    for word in in_order:
        chosen.append(word)
        weight += weights[word]
        if weight > missing:
            break
    return chosen


def _alike(one: frozenset[str], other: frozenset[str], weights: Mapping[str, float]) -> bool:
    if one == other:
        return True
    lengths = _squared(one, weights) * _squared(other, weights)
    return _squared(one & other, weights) ** 2 >= ALIKE**2 * lengths


def _squared(words: Iterable[str], weights: Mapping[str, float]) -> float:
    """The squared length; exact, as sets of words come in another order in each process."""
    return fsum(weights[word] for word in words)


def _join(parent: dict[int, int], key: int, other: int) -> None:
    low, high = sorted((_root(parent, key), _root(parent, other)))
    parent[high] = low


def _root(parent: dict[int, int], key: int) -> int:
    while parent[key] != key:
        parent[key] = parent[parent[key]]  # shorter for the next
        key = parent[key]
    return key
