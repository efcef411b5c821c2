"""Which of two answers people preferred, not knowing which model gave which."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, now_field


class Preferred(StrEnum):
    TUNED = "tuned"
    PROMPTED = "prompted"
    NEITHER = "neither"


class BlindVote(SQLModel, table=True):
    """One person's choice on one held-out question of one run; holds no word of either answer."""

    __tablename__ = "blind_vote"
    __table_args__ = (UniqueConstraint("team_id", "run_id", "snapshot_row_id", "user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    run_id: int = Field(foreign_key="run.id", index=True)
    snapshot_row_id: int = Field(foreign_key="snapshot_row.id")
    user_id: str
    preferred: Preferred = enum_field(Preferred)
    tuned_was_first: bool
    created_at: datetime = now_field()
