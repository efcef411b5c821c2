"""
What can go wrong at a provider that trains for us; each says what an admin can do.

TrainingError
├── TrainerUnavailableError  it does not answer now; the pipeline asks again
├── ClientMissingError       what speaks to it is not installed
├── KeyRefusedError          the key is wrong or not allowed
├── QuotaExhaustedError      nothing left to pay with
├── TuningRefusedError       it takes no jobs, or not this one; asking again will not help
├── BaseEndsSoonError        the base model is switched off too soon to be worth it
├── BaseNotTunedHereError    the region does not have the base model
├── RowsRejectedError        it does not take the data
├── JobFailedError           the job ended without a model
├── AdapterMisfitError       the adapter it hands out is damaged or another base's
├── AdapterKindError         the adapter it hands out is one that our engine would serve wrongly
└── NotAnApiError            the address belongs to something else
"""

import math
from collections.abc import Iterable
from datetime import date

from bot.errors import TrainingError

#: Whoever asks to be left alone for longer is asked once a day: nothing is put off for longer.
LONGEST_WAIT_SECONDS = 24 * 3600.0 - 60


class TrainerUnavailableError(TrainingError):
    """Raised when asking again later may help; ``retry_after`` is in seconds, where it said."""

    def __init__(self, trainer: str, retry_after: float | None = None) -> None:
        super().__init__(
            f"The trainer `{trainer}` does not answer, or asks to be left alone for now. I tried "
            "for hours. Check its status page, then train again."
        )
        self.trainer = trainer
        self.retry_after = _seconds(retry_after)


class ClientMissingError(TrainingError):
    """Raised when a provider's own client is not installed."""

    def __init__(self, trainer: str, command: str) -> None:
        super().__init__(
            f"The client of `{trainer}` is not installed here. Run `{command}` beside the bot, "
            "then train again."
        )
        self.trainer = trainer


class KeyRefusedError(TrainingError):
    """Raised for a key that is wrong, withdrawn or lacks the right to tune."""

    def __init__(self, trainer: str, variable: str) -> None:
        super().__init__(
            f"The trainer `{trainer}` refuses the key in {variable}. Put a key that may fine-tune "
            "there and restart the bot."
        )
        self.trainer = trainer


class QuotaExhaustedError(TrainingError):
    """Raised when the account has no money or quota left."""

    def __init__(self, trainer: str, said: str) -> None:
        super().__init__(
            f"The account at `{trainer}` has no quota left for this{quote(said)} Raise its limit "
            "or pay its bill, then train again."
        )
        self.trainer = trainer


class TuningRefusedError(TrainingError):
    """Raised when a provider takes no fine-tuning job of this organisation, for good."""

    def __init__(self, trainer: str, said: str, others: Iterable[str]) -> None:
        known = " or ".join(f"`/apprentice train {name}`" for name in sorted(others))
        super().__init__(
            f"`{trainer}` does not take this fine-tuning job{quote(said)} Your examples are safe "
            f"here: {known or 'another trainer'} trains on the same snapshot."
        )
        self.trainer = trainer


class BaseEndsSoonError(TrainingError):
    """Raised when the base model's shutdown date is too near."""

    def __init__(self, trainer: str, model: str, ends: date, others: Iterable[str]) -> None:
        known = " or ".join(f"`/apprentice train {name}`" for name in sorted(others))
        super().__init__(
            f"`{trainer}` switches {model} off on {ends.isoformat()}, and what is tuned on it "
            f"ends that day too. Set another model, or use {known or 'another trainer'}."
        )
        self.ends = ends


class BaseNotTunedHereError(TrainingError):
    """Raised when a provider lists what its region tunes, and the base is not among it."""

    def __init__(self, trainer: str, base: str, tunable: Iterable[str]) -> None:
        listed = ", ".join(sorted(tunable)[:5])
        super().__init__(
            f"`{trainer}` does not tune {base} in the region of this resource; there it tunes "
            f"{listed}. Set {trainer.upper()}_MODEL to one of these, or use a resource of another "
            "region."
        )
        self.base = base


class RowsRejectedError(TrainingError):
    """Raised when the provider does not train on the data; names the row where it did."""

    def __init__(
        self, trainer: str, said: str, row: int | None, question: str, *, is_held_out: bool = False
    ) -> None:
        """``is_held_out``: it is the validation file's row, so another than the training file's."""
        data = "validation data" if is_held_out else "training data"
        where = " of the validation file" if is_held_out else ""
        which = f" Row {row}{where} is the example “{question}”." if row else ""
        super().__init__(
            f"`{trainer}` does not take the {data}{quote(said)}{which} Correct or reject "
            "that example, then train again."
        )
        self.row = row
        self.question = question


class JobFailedError(TrainingError):
    """Raised when a job failed at the provider; its code is shown, for its support to know."""

    def __init__(self, trainer: str, said: str, code: str = "") -> None:
        said = f"{said or 'it gave no reason'}{f' ({code})' if code else ''}"
        super().__init__(
            f"The job at `{trainer}` failed{quote(said)} Its page there may say more. Train again, "
            "or train the same snapshot with another trainer."
        )
        self.trainer = trainer


class AdapterMisfitError(TrainingError):
    """Raised when downloaded adapter files are damaged or belong to another base."""

    def __init__(self, trainer: str, model: str, why: str) -> None:
        super().__init__(
            f"The adapter that `{trainer}` handed out does not fit: {why}. Nothing of it is used. "
            f"Check that BASE_MODEL is {model}, then train again; or set BASE_MODEL to something "
            f"else, and what is tuned stays with `{trainer}`."
        )
        self.trainer = trainer
        self.why = why


class AdapterKindError(TrainingError):
    """Raised when the engine's format cannot say what a downloaded adapter does."""

    def __init__(self, trainer: str, model: str, why: str) -> None:
        super().__init__(
            f"Our engine would not serve the adapter that `{trainer}` handed out as it was "
            f"trained: {why}. Nothing of it is used. Have `{trainer}` train a plain LoRA, or train "
            f"with another trainer; or set BASE_MODEL to something else than {model}, and what is "
            f"tuned stays with `{trainer}`."
        )
        self.trainer = trainer
        self.why = why


class NotAnApiError(TrainingError):
    """Raised when the server answers with something that is no API's answer."""

    def __init__(self, trainer: str, address: str, what: str = "") -> None:
        """``what`` is in the answer and should not be, or the other way round."""
        super().__init__(
            f"{address} answers, but not as the API of `{trainer}` does"
            f"{f' ({what})' if what else ''}: it may be a web page or a proxy's. Correct the "
            "address; it usually ends in /v1. Is it right, that API has changed: update the bot."
        )
        self.trainer = trainer


def _seconds(said: float | None) -> float | None:
    if said is None or math.isnan(said):
        return None
    return min(max(0.0, said), LONGEST_WAIT_SECONDS)


def quote(said: str) -> str:
    """
    What the provider said, for the middle of a sentence; it can be anything, so it is cut. It may
    repeat a row, so it stands in these marks and nowhere else: erasure takes out what they hold.
    """
    plain = " ".join(said.split())
    if not plain:
        return "."
    return f": “{plain[:240]}{'…' if len(plain) > 240 else ''}”."
