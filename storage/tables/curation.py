"""How examples are curated: what each of them said before, and the rules of a place."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import enum_field, json_field, now_field


class RevisionReason(StrEnum):
    CREATED = "created"
    EDITED = "edited"  # a person went over the words
    CORRECTED = (
        "corrected"  # a person wrote another answer; ``Example.original_answer`` has the old
    )
    FOLLOWED = "followed"  # the thread had more to say when somebody voted again
    MESSAGE_EDITED = "message_edited"
    MERGED = "merged"
    RESTORED = "restored"  # an edit was undone


class Revision(SQLModel, table=True):
    """
    What an example said, from ``made_at`` until the next revision.

    ``number`` is ``Example.revision`` of that time. ``author_id`` is who made the change, not who
    wrote the answer; None where nobody did, as with an import by the operator.
    """

    __table_args__ = (UniqueConstraint("team_id", "example_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    example_id: int = Field(foreign_key="example.id", ondelete="CASCADE", index=True)
    number: int
    question: str
    answer: str
    context: list[dict[str, Any]] = json_field([])
    tags: list[str] = json_field([])
    author_id: str | None = None
    reason: RevisionReason = enum_field(RevisionReason)
    made_at: datetime = now_field()


class CurationRules(SQLModel, table=True):
    """
    What admins set for a workspace, or for one channel of it (``channel_id``).

    ``values`` holds only what was set, by the names of ``storage.rules.Rules``. The workspace's
    own row has the empty ``channel_id``: a database counts two NULLs as different.
    """

    __tablename__ = "curation_rules"
    __table_args__ = (UniqueConstraint("team_id", "channel_id"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    channel_id: str = ""
    values: dict[str, Any] = json_field({})
    changed_by: str
    changed_at: datetime = now_field()
