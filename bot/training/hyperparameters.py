"""How a LoRA run is trained: one frozen value, and what follows from the rows. Pure."""

import math
from dataclasses import dataclass, replace

#: The rate that suits a run of few steps; longer ones take smaller steps.
LEARNING_RATE = 1e-3
MANY_STEPS, VERY_MANY_STEPS = 1_000, 5_000
MANY_ROWS, VERY_MANY_ROWS = 256, 2_000
MANY_TOKENS = 200_000
FEWEST_EPOCHS, MOST_EPOCHS = 3, 16
#: The layers nearest the output: what they learn of a team's answers was no worse than what all do.
TRAINED_SHARE = 0.5
#: The team's rows, or batches of them, after which a general one follows.
REHEARSE_EVERY = 2


@dataclass(frozen=True)
class Hyperparameters:
    """
    None follows from the rows (``resolved``). ``threads`` 0 is one per core.

    ``learning_rate_multiplier`` is of the rate that would have been chosen. ``until_learned``
    ends a run early where nothing is left to learn. ``trained_share`` of the layers, counted from
    the output down, carry the adapter; what the others compute is computed once. The defaults
    were measured on small data sets; see docs/experiments.md.
    """

    lora_r: int | None = None
    lora_alpha: int | None = None
    learning_rate: float | None = None
    learning_rate_multiplier: float = 1.0
    batch_size: int | None = None
    num_train_epochs: int | None = None
    until_learned: bool | None = None
    seed: int = 0
    threads: int = 0
    trained_share: float = TRAINED_SHARE

    def epochs(self, rows: int) -> int:
        """Few rows need many passes: too few passes leave details wrong."""
        if self.num_train_epochs is not None:
            return self.num_train_epochs
        return max(FEWEST_EPOCHS, min(MOST_EPOCHS, math.ceil(180 / max(rows, 1))))

    def resolved(self, rows: int, tokens: int) -> "Hyperparameters":
        """Fill in what is None; ``tokens`` are those of all answers."""
        epochs = self.epochs(rows)
        batch_size = self.batch_size or _batch_size(rows)
        lora_r = self.lora_r or (16 if tokens < MANY_TOKENS else 32)
        rate = self.learning_rate or _learning_rate(epochs * math.ceil(rows / batch_size))
        return replace(
            self,
            lora_r=lora_r,
            lora_alpha=self.lora_alpha or 2 * lora_r,
            learning_rate=rate * self.learning_rate_multiplier,
            learning_rate_multiplier=1.0,
            batch_size=batch_size,
            num_train_epochs=epochs,
            # Who asks for a number of passes gets it.
            until_learned=self._until_learned(),
        )

    def _until_learned(self) -> bool:
        # Who asks for a number of passes gets it.
        return self.num_train_epochs is None if self.until_learned is None else self.until_learned


def _batch_size(rows: int) -> int:
    """Few rows need many small steps; of many, larger batches waste less."""
    if rows <= MANY_ROWS:
        return 4
    return 8 if rows <= VERY_MANY_ROWS else 16


def _learning_rate(steps: int) -> float:
    if steps <= MANY_STEPS:
        return LEARNING_RATE
    return LEARNING_RATE / (2 if steps <= VERY_MANY_STEPS else 4)
