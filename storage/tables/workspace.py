"""What holds for a whole workspace: settings people change in Slack, and training rights."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import json_field, now_field


class Setting(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("team_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    key: str
    value: Any = json_field(None)
    changed_by: str
    changed_at: datetime = now_field()


class Attestation(SQLModel, table=True):
    """An admin's statement that the organisation may train on content of these sources."""

    id: int | None = Field(default=None, primary_key=True)
    team_id: str = Field(index=True)
    by_user_id: str
    sources: list[str] = json_field([])
    statement: str  # the words the admin agreed to
    created_at: datetime = now_field()
