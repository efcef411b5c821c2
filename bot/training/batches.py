"""
Which rows are trained on when: rows of like length together, in an order the seed decides.

Pure but for tensors. The whole plan is known before the first step, so that a run that was
interrupted goes on exactly where it was.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bot.training.encoding import EncodedRow
from bot.training.hyperparameters import REHEARSE_EVERY

#: Rows whose prompts differ by less share a batch; what is padded is computed for nothing.
PROMPT_STRIDE = 64
ANSWER_STRIDE = 4
#: The part of all steps in which the learning rate rises.
WARM_UP = 0.05
IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """The adapted part of some rows, padded on the right: all (rows, tokens), int64."""

    ids: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor

    @property
    def tokens(self) -> int:
        return int(self.mask.sum())

    def on(self, device: torch.device) -> "Batch":
        """The same batch where the model is."""
        parts = (self.ids, self.mask, self.positions, self.targets)
        return Batch(*(part.to(device) for part in parts))


def plan_batches(
    rows: Sequence[EncodedRow], *, batch_size: int, epochs: int, seed: int, rehearsal: int = 0
) -> list[list[int]]:
    """
    Return the row numbers of every step of every epoch.

    ``rehearsal`` rows are numbered after ``rows``. After every second batch of the others comes
    one of them, however many there are: what keeps a model from forgetting is their share.
    """
    shuffled = random.Random(seed)
    deck = _deck(len(rows), rehearsal, batch_size, random.Random(seed))
    plan: list[list[int]] = []
    for _ in range(epochs):
        order = list(range(len(rows)))
        shuffled.shuffle(order)
        order.sort(key=lambda number: _likeness(rows[number]))
        epoch = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
        shuffled.shuffle(epoch)
        for number, batch in enumerate(epoch, start=1):
            plan.append(batch)
            if rehearsal and number % REHEARSE_EVERY == 0:
                plan.append(next(deck))
    return plan


def _deck(first: int, count: int, batch_size: int, shuffled: random.Random) -> Iterator[list[int]]:
    """Batches of the numbers from ``first`` on, shuffled again each time they are used up."""
    while True:
        order = list(range(first, first + count))
        shuffled.shuffle(order)
        for at in range(0, count, batch_size):
            yield order[at : at + batch_size]


def collate(rows: Sequence[EncodedRow]) -> Batch:
    """Lay out the adapted parts; a target stands where the token before it is read."""
    longest = max(len(row.adapted) for row in rows)
    shape = (len(rows), longest)
    ids = torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros(shape, dtype=torch.long)
    targets = torch.full(shape, IGNORED)
    positions = torch.zeros(shape, dtype=torch.long)
    for number, row in enumerate(rows):
        length = len(row.adapted)
        ids[number, :length] = torch.tensor(row.adapted)
        mask[number, :length] = 1
        targets[number, len(row.invocation) - 1 : length - 1] = torch.tensor(row.answer)
        positions[number] = torch.arange(longest) + len(row.prompt)
    return Batch(ids, mask, positions, targets)


def learning_rate(step: int, total_steps: int, highest: float) -> float:
    """A short rise, then a cosine down to zero; ``step`` counts from 0."""
    rise = min(1.0, (step + 1) / max(1.0, WARM_UP * total_steps))
    return highest * rise * 0.5 * (1 + math.cos(math.pi * step / total_steps))


def _likeness(row: EncodedRow) -> tuple[int, int]:
    return len(row.prompt) // PROMPT_STRIDE, len(row.adapted) // ANSWER_STRIDE
