"""Pairs of examples that ask the same, and what became of them."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, now_field, time_field


class NearDuplicateKind(StrEnum):
    NEAR_DUPLICATE = "near_duplicate"  # the same question, about the same answer
    CONTRADICTION = "contradiction"  # the same question, another answer


class NearDuplicateState(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    KEPT_APART = "kept_apart"


class NearDuplicate(SQLModel, table=True):
    """
    Two examples whose questions are alike; ``first_id`` is the smaller of the two ids.

    ``similarity`` is 0 to 1. A pair goes with either example; what a person decided about it
    stays, so that nobody is asked twice.
    """

    __tablename__ = "near_duplicate"
    __table_args__ = (UniqueConstraint("team_id", "first_id", "second_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    first_id: int = Field(foreign_key="example.id", index=True, ondelete="CASCADE")
    second_id: int = Field(foreign_key="example.id", index=True, ondelete="CASCADE")
    similarity: float
    kind: NearDuplicateKind = enum_field(NearDuplicateKind)
    state: NearDuplicateState = enum_field(NearDuplicateState, NearDuplicateState.OPEN, index=True)
    resolved_by: str | None = None
    resolved_at: datetime | None = time_field()
    created_at: datetime = now_field()
