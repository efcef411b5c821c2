"""What every trainer promises, local or remote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bot.engines.adapter_files import GGUF, read_manifest
from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.engines.model_place import RemoteModel

#: In an adapter's folder: what ``bot.evaluation.parity`` compares with the engine.
PARITY_FILE = "parity.json"


class JobState(StrEnum):
    """A state nobody knows is not finished: trainers report it as ``RUNNING``."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Metric:
    """
    One step; ``loss`` is nats per answer token, ``valid_loss`` that of the whole validation split,
    where it was measured after this step.
    """

    step: int
    loss: float
    tokens_per_second: float | None = None
    valid_loss: float | None = None


@dataclass(frozen=True)
class JobStatus:
    """
    Where a job stands; ``metrics`` are all steps so far, ``error`` is a sentence for people.

    ``record`` is what to keep of how it was trained: ``hyperparameters`` as resolved,
    ``trained_tokens``, the provider's file ids, ``events`` as ``bot.training.events`` keeps them;
    whatever of it is known.
    """

    state: JobState
    step: int | None = None
    total_steps: int | None = None
    loss: float | None = None
    seconds_left: float | None = None
    metrics: Sequence[Metric] = ()
    error: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Adapter:
    """What a job made. ``checksum`` is the SHA-256 of the GGUF file, in hex."""

    folder: Path
    gguf_path: Path
    checksum: str

    @classmethod
    def at(cls, folder: Path) -> "Adapter":
        """The one that a finished job left in ``folder``."""
        return cls(folder, folder / GGUF, read_manifest(folder)["files"][GGUF])


@runtime_checkable
class KnowsEnds(Protocol):
    """A trainer elsewhere, whose models are switched off some day."""

    def base_name(self) -> str:
        """
        Name the model it tunes.

        Raises:
            TrainingError: it cannot be asked.
        """

    def shutdown_dates(self, models: Sequence[str]) -> Mapping[str, date]:
        """
        When it switches these models off, of those it gives a date for.

        Raises:
            TrainingError: it cannot be asked.
        """


@runtime_checkable
class TellsTokens(Protocol):
    """A trainer elsewhere that may say what it saw of the rows."""

    def tokens_seen(self, job_id: str) -> bytes | None:
        """
        Return what ``bot.training.parity`` writes there, as the job left it; None for nothing.

        Raises:
            TrainingError: it cannot be asked.
        """


@runtime_checkable
class Pausable(Protocol):
    """
    A trainer that can let a job rest and go on with what was learned.

    Both may be asked twice, and do nothing to a job that has ended.
    """

    @property
    def can_pause(self) -> bool:
        """Whether this one can: some of a kind keep no checkpoints."""

    def pause(self, job_id: str) -> None:
        """
        Let the job rest until ``resume``, also over a restart of the bot.

        Raises:
            TrainingError: it cannot rest now; it goes on.
        """

    def resume(self, job_id: str) -> None:
        """Let the job go on."""


def can_pause(trainer: object) -> bool:
    return isinstance(trainer, Pausable) and trainer.can_pause


class Trainer(Protocol):
    """
    Submit first, ask later: nothing here waits for a job.

    A job outlives the bot; every method works with the id alone, from any process life.
    """

    def start(
        self,
        name: str,
        rows: Sequence[Sequence[Message]],
        base: BaseModel,
        *,
        validation: Sequence[Sequence[Message]] = (),
        rehearsal: Sequence[Sequence[Message]] = (),
        snapshot: str = "",
    ) -> str:
        """
        Start the job of this name and return its id; with a name already started, return the
        id of that job and start nothing. ``snapshot`` is the hash of what the rows come from.
        ``rehearsal`` are general chats that keep a small model from forgetting; trainers of
        large models leave them out.

        Raises:
            TrainingError: it cannot start.
        """

    def status(self, job_id: str) -> JobStatus:
        """
        Raises:
            JobUnknownError: there is no such job.
        """

    def result(self, job_id: str) -> Adapter | RemoteModel:
        """
        Raises:
            JobUnknownError, JobNotFinishedError: there is no such job, or it did not succeed.
        """

    def cancel(self, job_id: str) -> None:
        """End the job and remove what it began; nothing happens to finished or unknown ones."""

    def stop(self) -> None:
        """The bot ends: end for now what cannot go on without it."""
