"""
Near-duplicate questions, so that one question never stands on both sides of a split. Pure.

Nothing is compared with everything: ``bot.dataset.candidates`` says which pairs may be alike.
"""

from collections.abc import Iterable, Mapping

from bot.dataset.candidates import candidates
from bot.dataset.word_sets import WordSets


def clusters_of(questions: Mapping[int, Iterable[str]]) -> dict[int, int]:
    """
    Map each example to its cluster, named by the smallest example id in it.

    ``questions`` are all wordings of each example. Examples share a cluster if a wording of one
    has nearly the same words as a wording of the other, in any order, form, case and punctuation.
    """
    parent = {key: key for key in sorted(questions)}
    # In an order that only the texts decide: the same data set splits the same way anywhere.
    ordered = sorted((text, key) for key in parent for text in questions[key])
    keys = [key for _, key in ordered]
    texts = WordSets(text for text, _ in ordered)
    del ordered
    for one, other in candidates(texts):
        if _root(parent, keys[one]) != _root(parent, keys[other]) and texts.are_alike(one, other):
            _join(parent, keys[one], keys[other])
    return {key: _root(parent, key) for key in parent}


def _join(parent: dict[int, int], key: int, other: int) -> None:
    low, high = sorted((_root(parent, key), _root(parent, other)))
    parent[high] = low


def _root(parent: dict[int, int], key: int) -> int:
    while parent[key] != key:
        parent[key] = parent[parent[key]]  # shorter for the next
        key = parent[key]
    return key
