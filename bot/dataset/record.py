"""
One example outside the database, the same in every file format. Pure.

A row of a file becomes a record, a record becomes a row of a file; nothing else passes between
the formats and what imports and exports.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storage.tables import ExampleState, Part, Source, WordingUse

Turn = dict[str, Any]
#: Who may speak before the answer.
ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class Phrase:
    """Another way the question was asked; whose words they are, and where they stand in Slack."""

    text: str
    use: WordingUse = WordingUse.EVALUATION
    asker_id: str | None = None
    channel_id: str | None = None
    message_ts: str | None = None


@dataclass(frozen=True)
class Record:
    """
    An example and what travels with it; None is what a file does not say.

    ``context`` holds ``{"role", "content"}`` turns before the question, a system message among
    them. ``rejected`` are answers known to be wrong. ``place`` holds Slack coordinates by column
    name, ``history`` the earlier revisions, oldest first.
    """

    question: str
    answer: str
    context: tuple[Turn, ...] = ()
    wordings: tuple[Phrase, ...] = ()
    rejected: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    id: int | None = None
    audience: str | None = None
    state: ExampleState | None = None
    question_source: Source | None = None
    answer_source: Source | None = None
    place: Mapping[str, str] = field(default_factory=dict)
    #: Slack messages whose words are in it: time, author and part, as ``storage.tables`` has them.
    messages: tuple[tuple[str, str, Part], ...] = ()
    revision: int = 1
    created_at: str | None = None
    updated_at: str | None = None
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def where(self) -> str | None:
        """The message its answer begins with; None where it is not from Slack."""
        if not (self.place.get("channel_id") and self.place.get("answer_ts")):
            return None
        return f"{self.place['channel_id']}:{self.place['answer_ts']}"

    @property
    def is_placed(self) -> bool:
        """Whether it says of any of its words whose they are, or where they stand in Slack."""
        return bool(self.place) or any(w.asker_id or w.message_ts for w in self.wordings)

    def within(self, audience: str) -> "Record":
        return replace(self, audience=audience)


@dataclass(frozen=True)
class Row:
    """One row of a file, by its number as an editor shows it: a record, or what is wrong."""

    number: int
    record: Record | None = None
    problem: str = ""


class RowError(Exception):
    """Raised inside a format by a row it cannot read; ``str`` is the rest of "Row 7: …"."""


def digest(audience: str, record: Record) -> bytes:
    """Sixteen bytes that are equal for what says the same to the same people."""
    turns = [(turn.get("role"), turn.get("content")) for turn in record.context]
    said = json.dumps([audience, record.question, record.answer, turns], ensure_ascii=True)
    return hashlib.sha256(said.encode()).digest()[:16]
