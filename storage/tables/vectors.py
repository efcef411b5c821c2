"""What examples mean, as vectors of a sentence model."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import now_field


class ExampleVector(SQLModel, table=True):
    """
    One example's vector: numbers of two bytes each, of length one.

    Made from people's words and so as personal as they are: it goes with them. ``model`` names the
    weights and how they were used; vectors of another model say nothing to this one.
    ``is_compared`` says that near-duplicates were looked for. A number is never given to two rows,
    so that a newer row always has a greater one.
    """

    __tablename__ = "example_vector"
    __table_args__ = (
        UniqueConstraint("team_id", "model", "example_id"),
        Index("ix_example_vector_example_id", "example_id", "model"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    example_id: int = Field(foreign_key="example.id", ondelete="CASCADE")
    model: str
    vector: bytes
    is_compared: bool = Field(default=False, index=True)
    created_at: datetime = now_field()
