"""When runs are queued without anybody asking."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import now_field, time_field


class Schedule(SQLModel, table=True):
    """
    One audience's schedule. ``rule`` is read by ``bot.timetable``, its times are those of ``zone``.

    ``next_at`` is the next time; for a rule that counts examples, when to count again at the
    earliest. It stands here so that a time that passed while the bot was down is still known.
    """

    __table_args__ = (UniqueConstraint("team_id", "audience"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    rule: str
    zone: str
    trainer: str
    channel_id: str  # where the cards of its runs go
    set_by: str
    set_at: datetime = now_field()
    next_at: datetime | None = time_field()
    last_at: datetime | None = time_field()
    last_outcome: str = ""  # what became of it then, in a sentence for people
