"""What the admins of a workspace are to be told."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import now_field, time_field


class AdminNotice(SQLModel, table=True):
    """
    Goes once to each admin who may know of its audience, as a direct message.

    ``key`` says what it is about, so that nothing is told twice; ``run_id`` is the run that waits
    for a decision, which the message then offers; ``deployment_id`` the one it offers to remove.
    """

    __tablename__ = "admin_notice"
    __table_args__ = (UniqueConstraint("team_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    key: str
    text: str
    run_id: int | None = Field(default=None, foreign_key="run.id", ondelete="CASCADE")
    deployment_id: int | None = None
    created_at: datetime = now_field()
    told_at: datetime | None = time_field()
    not_before: datetime | None = time_field()
