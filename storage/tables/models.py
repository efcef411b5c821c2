"""Model versions, how they were judged, and which one is live."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, json_field, now_field, time_field


class VersionState(StrEnum):
    CANDIDATE = "candidate"  # trained; not judged yet, or judged and waiting for a person
    HELD = "held"  # a person decided to wait
    PROMOTED = "promoted"  # was live at least once; stays loaded for rollback
    RETIRED = "retired"  # its files are gone or may go


class ModelVersion(SQLModel, table=True):
    """
    The immutable result of a run; never overwritten, put live by a ``Promotion`` row.

    ``tainted_at``: something it learned from was erased since. It stops being served at
    ``serve_until`` at the latest, and no rollback returns to it afterwards.
    ``taken_back_at``: the bot itself rolled it back; only a person promotes it again.
    """

    __tablename__ = "model_version"
    __table_args__ = (
        UniqueConstraint("team_id", "name"),
        UniqueConstraint("run_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    number: int
    name: str  # ``workspace-v7``; a private channel's begin with its id in lower case
    run_id: int = Field(foreign_key="run.id")
    snapshot_id: int = Field(foreign_key="snapshot.id")
    base_model: str
    base_digest: str
    adapter_path: str  # peft folder, relative to APPRENTICE_HOME; empty: it is not here
    gguf_path: str  # the same adapter for llama.cpp
    checksum: str  # SHA-256 of the GGUF file
    remote_id: str | None = None  # the tuned model's name at the trainer that serves it
    served_by: str | None = None  # that trainer's name
    state: VersionState = enum_field(VersionState, VersionState.CANDIDATE, index=True)
    decided_by: str | None = None  # who promoted or held it last
    tainted_at: datetime | None = time_field()
    serve_until: datetime | None = time_field()
    taken_back_at: datetime | None = time_field()
    created_at: datetime = now_field()


class Promotion(SQLModel, table=True):
    """
    Which strategy answers for an audience, from now on: the newest row counts.

    ``version_id`` None is the base model. ``examples`` is how many retrieved examples go into
    the prompt. A rollback is a new row that points where the one before the last pointed;
    ``reason`` is why, where the bot itself rolled back or promoted.
    """

    id: int | None = Field(default=None, primary_key=True)
    team_id: str = Field(index=True)
    audience: str
    version_id: int | None = Field(default=None, foreign_key="model_version.id")
    examples: int
    scale: float = 1.0  # how strongly its adapter acts
    is_rollback: bool = False
    promoted_by: str
    reason: str | None = None
    created_at: datetime = now_field()


class Verdict(StrEnum):
    PROMOTE = "promote"
    HOLD = "hold"  # too little evidence
    REJECT = "reject"  # worse than what is there
    DO_NOT_TUNE = "do_not_tune"  # prompting is as good, and cheaper


class Evaluation(SQLModel, table=True):
    """
    Strategies compared on the same held-out questions.

    ``strategies`` is a list of ``{"name", "version": str | None, "examples": int, "scale": float,
    …}``, one per strategy, with the figures of ``bot.evaluation.measures``: ``f1``, ``rouge_l``,
    ``similarity`` and ``facts`` (each with ``_low`` and ``_high``; ``facts_of`` questions),
    ``abstained_wrong`` and ``abstained_right`` (each with ``_of``), ``answer_tokens``,
    ``prompt_tokens``, ``seconds`` (the median) and ``dollars_per_1000`` (None: not known). Older
    ones have no ``scale``, it was 1; without a sentence model there is no ``similarity``.
    """

    __table_args__ = (UniqueConstraint("run_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    run_id: int = Field(foreign_key="run.id")
    version_id: int = Field(foreign_key="model_version.id")
    held_out: int
    strategies: list[dict[str, Any]] = json_field([])
    best: str = ""  # the strategy that would go live
    gain: float | None = None  # of the best tuned strategy over the best prompted one, token F1
    gain_low: float | None = None
    gain_high: float | None = None
    verdict: Verdict = enum_field(Verdict)
    reason: str
    #: Scores, clusters, findings and thresholds, as ``bot.evaluation.evidence`` writes them: the
    #: verdict can be reached again from them alone. Numbers and reasons, no text of the team.
    evidence: dict[str, Any] = json_field({})
    pictures: list[dict[str, Any]] = json_field([])  # ``{"path", "title", "alt_text"}``
    created_at: datetime = now_field()


class EvaluationAnswer(SQLModel, table=True):
    """
    One strategy's answer to one held-out question; written as it comes, so work resumes.

    ``asked`` is a digest of the model and all it was asked: the same again has the same answer.
    ``is_reused``: an earlier run asked it. ``example_ids`` stood in the prompt, so the answer may
    quote them though no snapshot has them. Erasure blanks ``text`` and ``asked``.
    """

    __tablename__ = "evaluation_answer"
    __table_args__ = (UniqueConstraint("run_id", "strategy", "snapshot_row_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    run_id: int = Field(foreign_key="run.id", index=True)
    strategy: str
    snapshot_row_id: int = Field(foreign_key="snapshot_row.id")
    asked: str | None = Field(default=None, index=True)
    is_reused: bool = False
    example_ids: list[int] = json_field([])
    text: str
    f1: float
    prompt_tokens: int
    answer_tokens: int
    seconds: float
