"""What reviewers decided, who is told of it, and the questions that nobody has answered yet."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.audience import WORKSPACE
from storage.tables.fields import enum_field, json_field, now_field, time_field


class Verb(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    EDIT = "edit"
    MERGE = "merge"
    CHANGE_AUDIENCE = "change_audience"
    ASK_AUDIENCE = "ask_audience"  # one member asks to widen; a second one does
    KEEP_APART = "keep_apart"
    SETTLE = "settle"  # of two that contradict each other one is right
    CONFIRM = "confirm"  # a stale example is still right
    TAKE_EDIT = "take_edit"  # it says now what its message says since it was edited
    ADD_WORDING = "add_wording"
    DISMISS = "dismiss"  # an unanswered question is none


class ReviewAction(SQLModel, table=True):
    """
    One decision of a reviewer, with what is needed to take it back.

    ``example_id`` is the example it is about, for a merge the one that stays; ``other_id`` the
    other of a pair, or the unanswered question that was dismissed. ``before`` holds ids, states
    and numbers, never what anybody wrote: that is in revisions and wordings. ``audience`` is the
    narrowest the subject had, so that who may not see the example cannot see this.
    """

    __tablename__ = "review_action"

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    verb: Verb = enum_field(Verb)
    actor_id: str
    seconded_by: str | None = None
    audience: str = WORKSPACE
    example_id: int | None = Field(
        default=None, foreign_key="example.id", index=True, ondelete="CASCADE"
    )
    other_id: int | None = Field(default=None, index=True)
    before: dict[str, Any] = json_field({})
    made_at: datetime = now_field()
    undone_at: datetime | None = time_field()
    undone_by: str | None = None


class ContributorNotice(SQLModel, table=True):
    """That somebody is to be told, once, what became of an example they brought."""

    __tablename__ = "contributor_notice"
    __table_args__ = (UniqueConstraint("team_id", "example_id", "user_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    example_id: int = Field(foreign_key="example.id", index=True, ondelete="CASCADE")
    user_id: str
    due_at: datetime = now_field()
    told_at: datetime | None = time_field()


class UnansweredState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    DISMISSED = "dismissed"


class Unanswered(SQLModel, table=True):
    """
    A question the bot could not answer, however often and in whatever order of words it was asked.

    ``topic`` are its telling words, sorted: the same question has the same topic. ``audience`` is
    that of the place it was asked in. Nothing is kept of direct messages and of outsiders.
    """

    __table_args__ = (UniqueConstraint("team_id", "audience", "topic"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    audience: str
    topic: str
    text: str
    state: UnansweredState = enum_field(UnansweredState, UnansweredState.OPEN, index=True)
    example_id: int | None = Field(default=None, foreign_key="example.id", ondelete="SET NULL")
    first_asked_at: datetime = now_field()
    last_asked_at: datetime = now_field()


class WhyUnanswered(StrEnum):
    NO_EXAMPLE = "no_example"  # nothing the team taught fits
    ABSTAINED = "abstained"  # the model said that it does not know
    BAD_ANSWER = "bad_answer"  # somebody marked the answer as wrong


class UnansweredAsk(SQLModel, table=True):
    """One time an unanswered question was asked: whose it was, so that it can be forgotten."""

    __tablename__ = "unanswered_ask"
    __table_args__ = (UniqueConstraint("team_id", "question_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    unanswered_id: int = Field(foreign_key="unanswered.id", index=True, ondelete="CASCADE")
    question_id: int = Field(foreign_key="question.id", ondelete="CASCADE")
    user_id: str = Field(index=True)
    why: WhyUnanswered = enum_field(WhyUnanswered)
    asked_at: datetime = now_field()
