"""Who else answers besides what is live: canaries and pins; and what people said of answers."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, now_field, time_field


class CanaryState(StrEnum):
    RUNNING = "running"
    PROMOTED = "promoted"  # people liked the candidate better: it is live
    ROLLED_BACK = "rolled_back"  # people liked it less, or it cannot answer any more
    HELD = "held"  # undecided when its time was over
    STOPPED = "stopped"  # a person ended it, or something else went live meanwhile


class Canary(SQLModel, table=True):
    """
    A candidate that answers ``share`` percent of an audience's conversations, for comparison.

    ``live_id`` is the version the others get, None for the base model. ``channel_id`` is where
    people are told how it ended. One runs per audience.
    """

    __table_args__ = (
        Index(
            "ix_canary_running",
            "team_id",
            "audience",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    team_id: str = Field(index=True)
    audience: str
    version_id: int = Field(foreign_key="model_version.id")
    live_id: int | None = Field(default=None, foreign_key="model_version.id")
    examples: int
    scale: float = 1.0
    share: int
    state: CanaryState = enum_field(CanaryState, CanaryState.RUNNING)
    reason: str | None = None
    channel_id: str
    started_by: str
    started_at: datetime = now_field()
    ends_at: datetime = now_field()
    ended_at: datetime | None = time_field()


class Pin(SQLModel, table=True):
    """
    What answers in one channel whatever is live: a version, or prompting alone (``version_id``
    None).
    """

    __table_args__ = (UniqueConstraint("team_id", "channel_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    channel_id: str
    audience: str
    version_id: int | None = Field(default=None, foreign_key="model_version.id")
    examples: int
    scale: float = 1.0
    pinned_by: str
    pinned_at: datetime = now_field()


class Feedback(SQLModel, table=True):
    """
    One person's 👍 or ✅ (``value`` 1), 👎, ❌ or correction (-1) on one answer, or the same taken
    back (0). ``key`` and ``order_key`` as in ``Vote``; unlike a vote it needs no example.
    """

    __table_args__ = (UniqueConstraint("team_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    key: str
    question_id: int = Field(foreign_key="question.id", index=True)
    user_id: str
    value: int
    order_key: str
    created_at: datetime = now_field()
