"""
Examples that ask the same as a question: found by their rarest words and, where a sentence model
is there, by what they mean; then compared.

What is found is kept in pairs when an example is stored, for people to merge or keep apart.
Nothing is dropped or changed here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import log
from typing import Any

from sqlalchemy import bindparam, text
from sqlmodel import Session

from bot.curation.alike import Asked, Candidate, find_alike, overlap
from bot.curation.prints import prints_of
from bot.embedding.index import Nearness
from bot.words import stem, stems_of, telling, words_of
from storage import vectors
from storage.audience import WORKSPACE, Viewer
from storage.chunks import pages
from storage.full_text import rarest_words, rows_with, size
from storage.near_duplicates import COMPARED, replace_open
from storage.tables import Example, NearDuplicate, NearDuplicateKind

#: Answers less alike than this say different things.
SAME_ANSWER = 0.4
#: How many of the best matches of the full-text index are compared.
COMPARED_AT_MOST = 50
#: Less like the question than this nothing asks the same, whatever its words.
FLOOR = 0.2
_IDS_AT_ONCE = 2_000
#: More words than these find no other questions, but cost time.
MAX_WORDS = 32
#: How often the words that find candidates may occur in all of them together.
MOST_ROWS = 5_000

_CANDIDATES = text(
    """
    SELECT example.id, example.question, example.answer
    FROM example_text JOIN example ON example.id = example_text.rowid
    WHERE example_text MATCH :match
      AND example.team_id = :team_id
      AND example.state IN :states
      AND (:everybody OR example.audience IN :audiences)
      AND example.id NOT IN :exclude
    ORDER BY bm25(example_text, 3.0, 1.0), example.id
    LIMIT :limit
    """
).bindparams(
    bindparam("states", expanding=True),
    bindparam("audiences", expanding=True),
    bindparam("exclude", expanding=True),
)
_BY_ID = text(
    """
    SELECT id, question, answer
    FROM example
    WHERE id IN :ids
      AND team_id = :team_id
      AND state IN :states
      AND (:everybody OR audience IN :audiences)
      AND id NOT IN :exclude
    """
).bindparams(
    bindparam("ids", expanding=True),
    bindparam("states", expanding=True),
    bindparam("audiences", expanding=True),
    bindparam("exclude", expanding=True),
)


@dataclass(frozen=True)
class Similar:
    """An example that asks the same; ``similarity`` is 0 to 1, ``why`` a phrase for people."""

    example_id: int
    similarity: float
    why: str


def near_duplicates(
    session: Session,
    team_id: str,
    viewer: Viewer,
    question: str,
    *,
    exclude: Collection[int] = (),
    nearness: Nearness | None = None,
    answer: str = "",
) -> list[Similar]:
    """
    The examples a viewer may see that ask the same, the most alike first.

    ``nearness`` is that to the question; without it words alone tell. ``answer`` is the
    question's own, where it has one.
    """
    asked = _look_up(session, question, answer)
    found = _candidates(session, team_id, viewer.audiences, asked, exclude, nearness)
    return [
        Similar(candidate.example_id, similarity, _why(question, candidate))
        for candidate, similarity in find_alike(asked, found, nearness)
    ]


def note_near_duplicates(
    session: Session, example: Example, nearness: Nearness | None = None, *, is_new: bool = False
) -> None:
    """
    Keep the pairs a stored example makes, instead of the open ones it had.

    In the transaction that stores it there is no time to ask a sentence model: words alone tell
    then, and the pairs are noted again in the background with ``nearness``.

    An example for everybody is compared with all, a private one with its own channel's and
    everybody's: nobody could ever be shown a pair from two channels without being in both. One
    that ``is_new`` has neither pairs nor a vector.
    """
    assert example.id is not None
    if nearness is None and not is_new:
        vectors.mark_compared(session, example.id, is_compared=False)
    if example.state not in COMPARED:
        replace_open(session, example, [])
        return
    audiences = None if example.audience == WORKSPACE else {WORKSPACE, example.audience}
    asked = _look_up(session, example.question, example.answer)
    found = _candidates(session, example.team_id, audiences, asked, {example.id}, nearness)
    alike = find_alike(asked, found, nearness)
    pairs = [_pair(example, other, how_much) for other, how_much in alike]
    if pairs or not is_new:
        replace_open(session, example, pairs)


def _look_up(session: Session, question: str, answer: str) -> Asked:
    words = telling(words_of(question))[:MAX_WORDS]
    rows, _ = size(session)
    counts = rows_with(session, words)
    weights = [log(1 + rows / counts.get(word, 0.5)) for word in words]
    weighed = list(zip(map(hash, stem(words)), weights, strict=True))
    return Asked(question, answer, prints_of(question), counts, weighed)


def _candidates(
    session: Session,
    team_id: str,
    audiences: Collection[str] | None,
    asked: Asked,
    exclude: Collection[int],
    nearness: Nearness | None,
) -> list[Candidate]:
    """
    What shares rare words with a question, and what is nearest to it; ``audiences`` None means all
    of the workspace.
    """
    if audiences is not None and not audiences:
        return []
    parameters: dict[str, Any] = {
        "team_id": team_id,
        "states": [state.value for state in COMPARED],
        "everybody": audiences is None,
        "audiences": sorted(audiences or ()),
        "exclude": sorted(exclude),
    }
    connection = session.connection()
    found: list[Candidate] = []
    if asked.counts:
        match = " OR ".join(f'"{word}"' for word in rarest_words(asked.counts, MOST_ROWS))
        by_words = {**parameters, "match": match, "limit": COMPARED_AT_MOST}
        found = [Candidate(*row) for row in connection.execute(_CANDIDATES, by_words)]
    if nearness is not None:
        found += _nearest(session, parameters, nearness)
    return list({each.example_id: each for each in found}.values())


def _nearest(session: Session, parameters: dict[str, Any], nearness: Nearness) -> list[Candidate]:
    """The nearest of these audiences; where others stand in between, further ones are looked at."""
    at_most = COMPARED_AT_MOST + len(parameters["exclude"])
    nearest = nearness.nearest(at_most)
    found = _by_id(session, parameters, nearest)
    if len(found) < COMPARED_AT_MOST and len(nearest) == at_most:
        further = nearness.nearest(len(nearness.cosines), FLOOR)[at_most:]
        for some in pages(iter(further), _IDS_AT_ONCE):
            found += _by_id(session, parameters, some)
            if len(found) >= COMPARED_AT_MOST:
                break
    return found[:COMPARED_AT_MOST]


def _by_id(session: Session, parameters: dict[str, Any], ids: list[int]) -> list[Candidate]:
    """In the order of the ids."""
    rows = session.connection().execute(_BY_ID, {**parameters, "ids": ids})
    seen = {row[0]: Candidate(*row) for row in rows}
    return [seen[each] for each in ids if each in seen]


def _pair(example: Example, candidate: Candidate, similarity: float) -> NearDuplicate:
    assert example.id is not None
    first_id, second_id = sorted((example.id, candidate.example_id))
    one, other = example.answer, candidate.answer
    is_same = overlap(one, other, prints_of(one), prints_of(other)) >= SAME_ANSWER
    return NearDuplicate(
        team_id=example.team_id,
        first_id=first_id,
        second_id=second_id,
        similarity=similarity,
        kind=NearDuplicateKind.NEAR_DUPLICATE if is_same else NearDuplicateKind.CONTRADICTION,
    )


def _why(question: str, candidate: Candidate) -> str:
    there = stems_of(f"{candidate.question} {candidate.answer}")
    shared = [word for word in telling(words_of(question)) if stem([word])[0] in there]
    return "same words: " + ", ".join(shared) if shared else "says the same in other words"
