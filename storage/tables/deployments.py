"""Where tuned models of a provider are deployed, and for how long."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from storage.tables.fields import enum_field, now_field, time_field


class DeploymentState(StrEnum):
    ASKED = "asked"  # wanted: being made, or waiting for what it needs
    READY = "ready"  # answers
    ENDED = "ended"  # removed, or found to be gone


class Deployment(SQLModel, table=True):
    """
    One life of one deployment; a version has at most one row that is not ended.

    ``name`` is what the provider serves it by. ``problem`` is a sentence: what keeps it from being
    ready, or from being removed. ``doubted_at``: an answer found it missing. ``used_at``: when it
    was last of use, to the hour. ``removal_by``: who wants it gone.
    """

    id: int | None = Field(default=None, primary_key=True)
    team_id: str = Field(index=True)
    audience: str
    version_id: int = Field(foreign_key="model_version.id", index=True)
    trainer: str
    name: str
    hosting_per_hour: float
    state: DeploymentState = enum_field(DeploymentState, DeploymentState.ASKED, index=True)
    problem: str = ""
    removal_by: str | None = None
    created_at: datetime = now_field()
    ready_at: datetime | None = time_field()
    looked_at: datetime | None = time_field()
    doubted_at: datetime | None = time_field()
    used_at: datetime | None = time_field()
    ended_at: datetime | None = time_field()
    not_before: datetime | None = time_field()
