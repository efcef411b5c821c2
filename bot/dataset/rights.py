"""
Training rights: what an admin attests, and which examples an attestation covers.

Holds the words of the statement; knows neither Slack's surface nor the trainer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlmodel import Session

from storage import attestations
from storage.tables import Attestation, SnapshotRow, Source

#: What the admin agrees to, word for word; stored with each attestation.
STATEMENT = (
    "I state for my organisation that it holds the right to train a language model on content "
    "from the sources named here, and that the people who wrote it have been told."
)

#: What each source is, in words for the admin who decides.
SOURCE_WORDS: dict[Source, str] = {
    Source.AUTHORED: "Typed into Apprentice's own form",
    Source.IMPORT: "Imported from files",
    Source.BOT_ANSWER: "Answers this bot gave and people kept",
    Source.SLACK_MESSAGE: "Messages people wrote in Slack",
}

SLACK_POLICY_NOTE = (
    "Slack's developer policy forbids training a language model on Slack data, internal apps "
    "included. Tick Slack messages only with Slack's permission or your counsel's consent. "
    "Without them the bot still answers with your examples in its prompt."
)


class HasSources(Protocol):
    @property
    def question_source(self) -> Source: ...
    @property
    def answer_source(self) -> Source: ...


Sourced = TypeVar("Sourced", bound=HasSources)


@dataclass(frozen=True)
class Coverage(Generic[Sourced]):
    """Examples sorted by what the attestation says; ``left_out`` counts the others by source."""

    covered: list[Sourced]
    left_out: dict[str, int]


def attest(
    session: Session, team_id: str, by_user_id: str, sources: Iterable[Source]
) -> Attestation:
    """
    Record the statement; the newest one counts.

    Raises:
        ValueError: no source is named.
    """
    named = list(sources)
    if not named:
        raise ValueError("An attestation names at least one source.")
    return attestations.record(session, team_id, by_user_id, named, STATEMENT)


def sort_by_rights(examples: Iterable[Sourced], attested: Sequence[str]) -> Coverage[Sourced]:
    """An example may be trained on only if both its question's and its answer's source may."""
    covered: list[Sourced] = []
    left_out: Counter[str] = Counter()
    for example in examples:
        missing = [
            source
            for source in (example.answer_source, example.question_source)
            if source not in attested
        ]
        if missing:
            left_out[missing[0].value] += 1
        else:
            covered.append(example)
    return Coverage(covered, dict(sorted(left_out.items())))


def not_attested(rows: Iterable[SnapshotRow], attestation: Attestation) -> list[str]:
    """The sources of rows frozen earlier that nobody attests any more."""
    needed = {source for row in rows for source in (row.question_source, row.answer_source)}
    return sorted(needed - set(attestation.sources))


def manifest(
    attestation: Attestation, rows: Mapping[str, int], left_out: dict[str, int]
) -> dict[str, Any]:
    """
    What a run may prove later: who allowed what and when, and how much of each source it saw.

    ``rows`` counts training rows by the source of their answer, ``left_out`` examples whose
    source nobody attested.
    """
    return {
        "attestation": attestation.id,
        "by": attestation.by_user_id,
        "at": attestation.created_at.isoformat(),
        "statement": attestation.statement,
        "sources": list(attestation.sources),
        "rows": dict(sorted(rows.items())),
        "left_out": left_out,
    }
