"""Snapshots of the data set and the runs that train on them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, json_field, now_field, time_field


class Snapshot(SQLModel, table=True):
    """
    An immutable version of the data set for one audience.

    ``hash`` is over the ordered ``row_hash`` values, so an erased row (``erased`` True, its text
    blank) still proves the rest.
    """

    __table_args__ = (UniqueConstraint("team_id", "audience", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    number: int
    hash: str
    created_at: datetime = now_field()


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT_WORDING = "held_out_wording"  # a trained fact, asked in other words
    HELD_OUT_QUESTION = "held_out_question"  # a whole cluster the training never saw


class SnapshotRow(SQLModel, table=True):
    __tablename__ = "snapshot_row"
    __table_args__ = (UniqueConstraint("snapshot_id", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    snapshot_id: int = Field(foreign_key="snapshot.id", index=True)
    position: int
    split: Split = enum_field(Split)
    example_id: int = Field(index=True)
    question: str
    context: list[dict[str, Any]] = json_field([])
    answer: str
    question_source: str
    answer_source: str
    row_hash: str
    erased: bool = False


class RunState(StrEnum):
    QUEUED = "queued"
    WAITING = "waiting"  # above the budget: for an admin's approval
    PREPARING = "preparing"  # snapshot taken, rows handed to the trainer
    TRAINING = "training"
    PAUSED = "paused"  # an admin let its job rest
    DEPLOYING = "deploying"  # trained where a model answers only once it is deployed
    EVALUATING = "evaluating"
    DONE = "done"  # with a verdict
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_RUN_STATES = (
    RunState.QUEUED,
    RunState.WAITING,
    RunState.PREPARING,
    RunState.TRAINING,
    RunState.PAUSED,
    RunState.DEPLOYING,
    RunState.EVALUATING,
)


class Origin(StrEnum):
    """What brought a run about, where it was not somebody's ``train``."""

    SCHEDULE = "schedule"
    MIGRATION = "migration"  # the snapshot of what was live, at another trainer


class Run(SQLModel, table=True):
    """
    One fine-tune, moved one state at a time by ``pipeline.advance``.

    ``progress`` is what the card shows while it runs: ``{"done": int, "total": int,
    "loss": float, "seconds_left": float}`` with whatever of it is known in this state, and
    ``"waits"``: a sentence that says for what, while it is deployed or cannot be followed.
    ``hyperparameters`` are what the run was asked for: ``part`` of the training rows, and
    ``examples``, how many it learned from.
    """

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    state: RunState = enum_field(RunState, RunState.QUEUED, index=True)
    trainer: str
    base_model: str = ""
    hyperparameters: dict[str, Any] = json_field({})
    snapshot_id: int | None = Field(default=None, foreign_key="snapshot.id")
    job_id: str | None = None
    progress: dict[str, Any] = json_field({})
    record: dict[str, Any] = json_field({})  # how it was trained; see ``JobStatus.record``
    rights: dict[str, Any] = json_field({})  # the manifest: attestation, sources, rows of each
    requested_by: str
    origin: str = ""  # an ``Origin``, or empty: somebody asked
    channel_id: str | None = None  # where the progress message goes; None: nowhere
    cancel_requested_by: str | None = None
    can_pause: bool = False  # its trainer can let the job rest
    pause_requested_by: str | None = None  # kept while it rests; taken away to let it go on
    paused_at: datetime | None = time_field()
    #: Before it starts: ``rows``, ``epochs``, ``tokens``, ``dollars``, ``hours`` (None: not known),
    #: what they rest on, and ``over``: sentences that say which limits it exceeds.
    estimate: dict[str, Any] = json_field({})
    approved_by: str | None = None  # who let it start above the budget
    training_at: datetime | None = time_field()
    training_seconds: float | None = None
    cost: float | None = None  # dollars billed, where the trainer says how much was trained
    attempts: int = 0
    error: str | None = None
    created_at: datetime = now_field()
    started_at: datetime | None = time_field()
    ended_at: datetime | None = time_field()
    not_before: datetime | None = time_field()


class RunMetric(SQLModel, table=True):
    """One optimiser step of a run, for the loss curve."""

    __tablename__ = "run_metric"
    __table_args__ = (UniqueConstraint("run_id", "step"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    run_id: int = Field(foreign_key="run.id", index=True)
    step: int
    loss: float
    tokens_per_second: float | None = None
