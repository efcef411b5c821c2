"""What providers are going to switch off, of what is in use here."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import now_field


class Sunset(SQLModel, table=True):
    """
    One end of one model: as the radar saw it last. ``ends`` is a ``bot.sunsets.Ends``.
    """

    __table_args__ = (UniqueConstraint("team_id", "audience", "trainer", "model", "ends"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    trainer: str
    model: str
    ends: str
    ends_on: date
    version: str = ""  # the live one that answers from it; empty: a base that runs tune
    source: str  # who gave the date
    seen_at: datetime = now_field()
