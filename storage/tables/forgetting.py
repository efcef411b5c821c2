"""Whose words an example holds, who wants none kept, and what was erased or is to be."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, json_field, now_field, time_field


class Part(StrEnum):
    QUESTION = "question"
    ANSWER = "answer"
    CONTEXT = "context"


class ExampleMessage(SQLModel, table=True):
    """
    One message of Slack whose words went into an example, and who wrote it.

    An example has one row for each, so that a deleted message, an edited one or a person who
    opts out is followed wherever their words stand, a turn in between included.
    """

    __tablename__ = "example_message"
    __table_args__ = (
        UniqueConstraint("team_id", "example_id", "channel_id", "message_ts"),
        Index("ix_example_message_place", "team_id", "channel_id", "message_ts"),
        Index("ix_example_message_person", "team_id", "user_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    example_id: int = Field(foreign_key="example.id", ondelete="CASCADE", index=True)
    channel_id: str
    message_ts: str
    user_id: str | None = None
    part: Part = enum_field(Part)


class OptOut(SQLModel, table=True):
    """
    Somebody of whom nothing is kept any more. ``person`` is a digest (``storage.opt_outs``): it
    recognises them when they come, and does not name them.
    """

    __tablename__ = "opt_out"
    __table_args__ = (UniqueConstraint("team_id", "person"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    person: str
    since: datetime = now_field()


class ToldAuthor(SQLModel, table=True):
    """That somebody was told, the first time an answer of theirs was kept; a digest, as above."""

    __tablename__ = "told_author"
    __table_args__ = (UniqueConstraint("team_id", "person"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    person: str
    told_at: datetime = now_field()


class ErasureKind(StrEnum):
    PERSON = "person"  # somebody opted out
    MESSAGE = "message"  # a message was deleted in Slack, or a channel closed to others
    WORKSPACE = "workspace"  # the app was uninstalled or its token revoked


class ErasureState(StrEnum):
    ASKED = "asked"
    ROWS_ERASED = "rows_erased"  # no query finds it; files and free pages may still hold it
    DONE = "done"


class Erasure(SQLModel, table=True):
    """
    Something to be erased, from the wish to the last byte: a row that a crash cannot lose.

    ``receipt`` is a random name that the person keeps and an admin can look up; ``counts`` says
    how many of what were erased, never which words. ``user_id`` is blank as soon as it is not
    needed. ``run_ids`` are the runs whose folders held something.
    """

    __table_args__ = (UniqueConstraint("team_id", "receipt"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    receipt: str
    kind: ErasureKind = enum_field(ErasureKind)
    state: ErasureState = enum_field(ErasureState, ErasureState.ASKED, index=True)
    user_id: str | None = None
    counts: dict[str, Any] = json_field({})
    run_ids: list[int] = json_field([])
    asked_at: datetime = now_field()
    due_at: datetime = now_field()
    done_at: datetime | None = time_field()


class LedgerEntry(SQLModel, table=True):
    """
    That this database knows an entry of the ledger (``storage.ledger``), by the entry's name.

    Of no workspace: it has to outlive the rows of one that left.
    """

    __tablename__ = "ledger_entry"

    entry: str = Field(primary_key=True)
