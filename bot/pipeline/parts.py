"""
A run on a part of the training rows, so that a learning curve has a second point. Pure.

Parts are nested and chosen by content: the half is in the whole, and the same on every machine.
"""

import hashlib
from collections.abc import Sequence
from math import ceil

from bot.dataset.checks import FEWEST_EXAMPLES
from bot.dataset.errors import NotEnoughExamplesError
from storage.tables import SnapshotRow, Split


def part_of(rows: Sequence[SnapshotRow], part: float) -> list[SnapshotRow]:
    """
    The rows with so much of the training split, by examples; the other splits stay whole.

    Raises:
        NotEnoughExamplesError: that is too little to train on.
    """
    if part >= 1:
        return list(rows)
    train = {row.example_id: row.answer for row in rows if row.split == Split.TRAIN}
    ordered = sorted(train, key=lambda key: (_place(train[key]), key))
    chosen = set(ordered[: ceil(part * len(ordered))])
    if len(chosen) < FEWEST_EXAMPLES:
        raise NotEnoughExamplesError(len(chosen), FEWEST_EXAMPLES)
    return [row for row in rows if row.split != Split.TRAIN or row.example_id in chosen]


def trained_in(rows: Sequence[SnapshotRow]) -> int:
    """How many examples the training split has."""
    return len({row.example_id for row in rows if row.split == Split.TRAIN})


def _place(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
