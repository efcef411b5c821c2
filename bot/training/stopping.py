"""
When a run has learned enough, judged by what it reported. Pure.

Everything follows from the steps reported, so a run that was interrupted judges as it would have.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

#: Nats per answer token: below it a model repeats its answers word for word.
LEARNED_LOSS = 0.02
#: Epochs in which the validation split may get no better.
PATIENCE = 2


class Stopping:
    """``steps`` are the lines of ``metrics.jsonl``, some of rehearsal."""

    def __init__(
        self, steps_an_epoch: int, until_learned: bool, steps: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.steps = list(steps)
        self._steps_an_epoch = steps_an_epoch
        self._until_learned = until_learned

    def add(self, step: dict[str, Any]) -> None:
        self.steps.append(step)

    @property
    def is_over(self) -> bool:
        """Whether another step would be wasted."""
        valid = self._valid_losses()
        if valid and len(valid) - 1 - valid.index(min(valid)) >= PATIENCE:
            return True
        return self._until_learned and self._is_learned()

    @property
    def is_best(self) -> bool:
        """Whether the newest step ended the best epoch so far."""
        if not self.steps or "valid_loss" not in self.steps[-1]:
            return False
        valid = self._valid_losses()
        return valid.index(min(valid)) == len(valid) - 1

    @property
    def has_better_epoch(self) -> bool:
        """Whether an earlier epoch was better than what is there now."""
        valid = self._valid_losses()
        return bool(valid) and not self.is_best

    @property
    def best_loss(self) -> float | None:
        """The lowest loss on the validation split."""
        return min(self._valid_losses(), default=None)

    def _is_learned(self) -> bool:
        """Every row was seen, and those of the last half epoch were known before."""
        if len(self.steps) < self._steps_an_epoch:
            return False
        own = [step for step in self.steps if not step.get("rehearsal")]
        newest = own[-max(4, self._steps_an_epoch // 2) :]
        return fmean(step["loss"] for step in newest) < LEARNED_LOSS

    def _valid_losses(self) -> list[float]:
        return [step["valid_loss"] for step in self.steps if "valid_loss" in step]
