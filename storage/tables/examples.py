"""What the team taught: examples, their wordings and votes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.audience import WORKSPACE
from storage.tables.fields import enum_field, json_field, json_or_none_field, now_field, time_field


class Source(StrEnum):
    SLACK_MESSAGE = "slack_message"
    AUTHORED = "authored"
    BOT_ANSWER = "bot_answer"
    IMPORT = "import"


#: The reason of ``Example.stale_reason`` when a message it was taken from was edited.
STALE_MESSAGE_EDITED = "message_edited"
#: Somebody cast so many votes in so short a time that another curator has to look at them.
HELD_BURST = "burst"


class ExampleState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    DISPUTED = "disputed"  # curators disagree
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # the votes or the undo that took it back left no approval


class Example(SQLModel, table=True):
    """
    One curated question and answer. ``context`` holds the turns before the last thing that was
    asked, as ``[{"role": "user" | "assistant", "content": …}]``. ``answer_ts`` is the first
    message of the answer; the Slack coordinates are empty for what was typed into a form or
    imported.

    ``original_answer`` is what stood in Slack where a person wrote another answer instead: beside
    the right one it makes a preference pair. ``held_reason`` says why votes wait for a reviewer
    (``storage.tables.HELD_BURST``).

    ``stale_since`` and ``stale_reason`` say that it is due for review because its message was
    edited; ``proposal`` is what it would say then (``question``, ``answer``, ``context``).
    ``erased_at``: its words are gone and it is in no list; the row stays so that its id is not
    given to another.
    ``merged_into`` is the example that says the same and has this one's wordings; the merged one
    is withdrawn. ``reviewed_at`` is when a reviewer last looked.
    """

    __table_args__ = (UniqueConstraint("team_id", "channel_id", "answer_ts"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str = Field(index=True)
    audience: str = Field(default=WORKSPACE, index=True)
    state: ExampleState = enum_field(ExampleState, ExampleState.PROPOSED, index=True)
    question: str
    context: list[dict[str, Any]] = json_field([])
    answer: str
    question_source: Source = enum_field(Source)
    answer_source: Source = enum_field(Source)
    channel_id: str | None = None
    thread_ts: str | None = None
    question_ts: str | None = None
    answer_ts: str | None = None
    asker_id: str | None = None
    author_id: str | None = None
    permalink: str | None = None
    tags: list[str] = json_field([])
    original_answer: str | None = None
    held_reason: str | None = None
    stale_since: datetime | None = time_field()
    stale_reason: str | None = None
    proposal: dict[str, Any] | None = json_or_none_field()
    erased_at: datetime | None = time_field()
    merged_into: int | None = Field(default=None, foreign_key="example.id", ondelete="SET NULL")
    reviewed_at: datetime | None = time_field()
    revision: int = 1
    created_at: datetime = now_field()
    updated_at: datetime = now_field()


class WordingUse(StrEnum):
    TRAINING = "training"
    EVALUATION = "evaluation"


class Wording(SQLModel, table=True):
    """
    Another way the question of an example was asked; held out unless its use is training.

    ``asker_id`` and the message say whose words they are, where that is known, so that they can
    be forgotten.
    """

    __table_args__ = (UniqueConstraint("team_id", "example_id", "text"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    example_id: int = Field(foreign_key="example.id", index=True)
    text: str
    use: WordingUse = enum_field(WordingUse, WordingUse.EVALUATION)
    asker_id: str | None = None
    channel_id: str | None = None
    message_ts: str | None = None
    created_at: datetime = now_field()


class Vote(SQLModel, table=True):
    """
    One person's ✅ (``value`` 1) or ❌ (-1) on one example, or the same taken back (0).

    ``key`` names what it was cast with, as the inbox does: one reaction, one pair of feedback
    buttons, one form. ``order_key`` is Slack's time of the newest event that was counted; what is
    not newer changes nothing, so a replayed event cannot revive a vote that was undone.
    ``by_curator`` is the role at the time of the vote: a curator's vote approves. ``reason`` is
    what a person gave for a ❌. ``cleared_by`` let a vote count that was held back.
    ``after_opt_out``: whoever cast it had been forgotten before, so an earlier vote without a name
    may be theirs as well.
    """

    __table_args__ = (
        UniqueConstraint("team_id", "key"),
        Index("ix_vote_of_a_person", "team_id", "user_id", "order_key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    key: str
    example_id: int = Field(foreign_key="example.id", index=True)
    user_id: str
    value: int
    by_curator: bool
    order_key: str
    reason: str | None = None
    cleared_by: str | None = None
    after_opt_out: bool = False
    created_at: datetime = now_field()
