"""
What can go wrong while a model is trained.

TrainingError
├── JobUnknownError        no such job here
├── JobNotFinishedError    its result was asked for too early
├── AdapterRefusedError    an adapter the engine could not load
├── NoRowsError            nothing to learn from
├── RowTooLongError        a row that exceeds the model's context
├── DivergedError          the loss is no number any more
├── AutoTrainMissingError  its virtual environment is not there
├── AutoTrainFailedError   it says that it failed
└── TrainingDiskError      files that cannot be written
"""

from pathlib import Path

from bot.errors import TrainingError


class JobUnknownError(TrainingError):
    """Raised when a job is asked for that this trainer never started."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no training job {job_id} here. Its folder may be deleted.")
        self.job_id = job_id


class JobNotFinishedError(TrainingError):
    """Raised when the adapter of a job is asked for that has none."""

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"The training job {job_id} has no result: it is {state}.")
        self.job_id = job_id
        self.state = state


class AdapterRefusedError(TrainingError):
    """Raised when an adapter changes a part of the model that llama.cpp cannot adapt."""

    def __init__(self, part: str) -> None:
        super().__init__(
            f"The adapter changes {part}, which the engine cannot serve. Adapters may change "
            "the linear layers inside the blocks, never embeddings or the output layer."
        )
        self.part = part


class NoRowsError(TrainingError):
    """Raised when a run has nothing to learn from."""

    def __init__(self) -> None:
        super().__init__("There is nothing to train on: approve some examples first.")


class RowTooLongError(TrainingError):
    """Raised when a row does not fit the base model."""

    def __init__(self, number: int, tokens: int, limit: int) -> None:
        super().__init__(
            f"Row {number} of the training data has {tokens} tokens and {limit} fit the base "
            "model. Shorten or reject that example."
        )
        self.number = number
        self.tokens = tokens
        self.limit = limit


class DivergedError(TrainingError):
    """Raised when the loss is no finite number."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"The training diverged at step {step}: its loss is no number any more. "
            "Train again with a smaller learning rate."
        )
        self.step = step


class AutoTrainMissingError(TrainingError):
    """Raised when AutoTrain Advanced is not where it was."""

    def __init__(self, python: Path) -> None:
        super().__init__(
            f"There is no AutoTrain Advanced beside {python}. `make setup-autotrain` installs it, "
            "or set AUTOTRAIN_PYTHON to the Python of an environment that has it; then train again."
        )
        self.python = python


class AutoTrainFailedError(TrainingError):
    """Raised when AutoTrain says that it failed, or what it left is not to be used."""

    def __init__(self, reason: str, place: Path) -> None:
        super().__init__(
            f"AutoTrain Advanced failed: “{reason}”. What it left is in {place}. "
            "The trainer `local` trains the same rows on this machine without it."
        )
        self.reason = reason


class TrainingDiskError(TrainingError):
    """Raised when files of a job cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The training could not write its files: {error.strerror or 'unknown reason'}. "
            "Make room in APPRENTICE_HOME, then train again."
        )
