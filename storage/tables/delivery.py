"""What came in from Slack and what must go out: inbox, answer queue, outbox."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, json_field, now_field, time_field


class InboxKind(StrEnum):
    MENTION = "mention"
    REACTION = "reaction"
    MESSAGE_CHANGED = "message_changed"
    MESSAGE_DELETED = "message_deleted"


class InboxState(StrEnum):
    NEW = "new"
    WORKING = "working"  # noted by earlier versions alone
    DONE = "done"
    FAILED = "failed"


class InboxItem(SQLModel, table=True):
    """
    One event, under its natural key: Slack delivers the same thing several times, in any order.

    ``payload`` holds identifiers only, never text. ``order_key`` is Slack's own time of the
    event; of two events with one key the newer wins, whichever arrives last. ``revision`` tells
    a worker that the row changed while it worked.
    """

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("team_id", "kind", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    kind: InboxKind = enum_field(InboxKind)
    key: str
    order_key: str = ""
    revision: int = 1
    payload: dict[str, Any] = json_field({})
    state: InboxState = enum_field(InboxState, InboxState.NEW, index=True)
    attempts: int = 0
    error: str | None = None
    received_at: datetime = now_field()
    not_before: datetime | None = time_field()


class QuestionState(StrEnum):
    QUEUED = "queued"
    ANSWERING = "answering"
    ANSWERED = "answered"
    DECLINED = "declined"  # the queue was full, or the person may not ask; they were told
    FAILED = "failed"  # they were told too


class Standing(StrEnum):
    """How well what the team taught fits a question, and so what is said."""

    SURE = "sure"  # a model answers
    DOUBTFUL = "doubtful"  # what comes closest is quoted, word for word
    UNKNOWN = "unknown"  # nothing fits: who wrote something similar is called


class Question(SQLModel, table=True):
    """
    One question put to the bot. Its text stays in Slack and is read again when worked on.

    ``canary_id`` is the canary in which its answer counts, whichever side answered.
    ``engine_failed``: the model gave no answer, and that ended it. Unless ``standing`` is SURE no
    model was asked, and what people say of the answer is said of none.
    """

    __table_args__ = (
        UniqueConstraint("team_id", "channel_id", "message_ts"),
        Index("ix_question_version", "team_id", "version_name"),
    )

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    channel_id: str
    message_ts: str
    thread_ts: str
    user_id: str
    state: QuestionState = enum_field(QuestionState, QuestionState.QUEUED, index=True)
    attempts: int = 0
    version_name: str | None = None  # None: the base model answered
    standing: Standing = enum_field(Standing, Standing.SURE)
    canary_id: int | None = Field(default=None, index=True)
    engine_failed: bool = False
    example_ids: list[int] = json_field([])
    answer_ts: str | None = None
    error: str | None = None
    asked_at: datetime = now_field()
    started_at: datetime | None = time_field()
    ended_at: datetime | None = time_field()
    not_before: datetime | None = time_field()


class OutboxKind(StrEnum):
    MESSAGE = "message"
    STREAM = "stream"  # posted piece by piece by the answer worker; finished by update on recovery
    EPHEMERAL = "ephemeral"  # goes out at most once
    FILE = "file"  # written and sent by ``handlers.files``


class OutboxState(StrEnum):
    PENDING = "pending"
    POSTING = "posting"  # the call to Slack may or may not have happened
    SENT = "sent"
    FAILED = "failed"


class OutboxMessage(SQLModel, table=True):
    """
    A message as it ought to look in Slack. Whoever changes ``text`` or ``blocks`` raises
    ``revision``; delivery posts or updates until ``delivered_revision`` has caught up, so a
    message that changes ten times a second is sent as often as Slack allows.

    ``uploads`` are pictures to be uploaded first: ``{"path", "title", "alt_text", "file_id"}``;
    a block names one as ``{"slack_file": {"id": "upload:0"}}``. Of a FILE it says what to write:
    ``{"subject", "format"}``, of a run's page ``{"subject": "report", "run"}``.
    """

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("team_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    key: str
    kind: OutboxKind = enum_field(OutboxKind, OutboxKind.MESSAGE)
    channel_id: str
    thread_ts: str | None = None
    user_id: str | None = None  # who sees an ephemeral; who a stream is for
    text: str = ""
    blocks: list[dict[str, Any]] = json_field([])
    uploads: list[dict[str, Any]] = json_field([])
    state: OutboxState = enum_field(OutboxState, OutboxState.PENDING, index=True)
    revision: int = 1
    delivered_revision: int = 0
    message_ts: str | None = None
    attempts: int = 0
    error: str | None = None
    created_at: datetime = now_field()
    not_before: datetime | None = time_field()
