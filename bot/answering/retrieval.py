"""
The team's examples that fit a question: BM25 over approved examples of the right audience.

Frequent words cost most and tell least, so in a large data set the rarest words of the question
find what may fit, and all of them decide which fits best (docs/decisions/0039). The question is
hostile text: only its words reach the full-text query, each quoted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, text
from sqlmodel import Session

from bot.answering.ranking import Corpus, bm25
from bot.words import telling, words_of
from storage.audience import Viewer, readable
from storage.full_text import rarest_words, rows_with, size

#: More words than these do not find better examples, but cost time.
MAX_WORDS = 64
#: Words in the question of an example weigh more than words in its answer.
QUESTION_WEIGHT, ANSWER_WEIGHT = 3.0, 1.0
#: How often the words that find examples may occur in all of them together; one word always may.
MOST_ROWS = 10_000
#: Of what they find so many are compared by all words.
COMPARED = 100

_QUERY = text(
    """
    SELECT example.id, example.question, example.answer, example.permalink,
           -bm25(example_text, :question_weight, :answer_weight) AS score
    FROM example_text JOIN example ON example.id = example_text.rowid
    WHERE example_text MATCH :match
      AND example.team_id = :team_id
      AND example.state = 'approved'
      AND example.audience IN :audiences
      AND example.id NOT IN :exclude_ids
    ORDER BY score DESC, example.id
    LIMIT :k
    """
).bindparams(bindparam("audiences", expanding=True), bindparam("exclude_ids", expanding=True))


@dataclass(frozen=True)
class RetrievedExample:
    """``score`` is BM25's: larger fits better, only comparable within one search."""

    id: int
    question: str
    answer: str
    permalink: str | None
    score: float
    likeness: float | None = None


def retrieve(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    question: str,
    k: int,
    exclude_ids: Collection[int] = (),
) -> list[RetrievedExample]:
    """Return at most ``k`` examples that share words with the question, the best first."""
    audiences = readable(audience, viewer)
    counts = rows_with(session, question_words(question))
    if not audiences or not counts or k <= 0:
        return []
    parameters = {
        "question_weight": QUESTION_WEIGHT,
        "answer_weight": ANSWER_WEIGHT,
        "team_id": team_id,
        "audiences": sorted(audiences),
        "exclude_ids": sorted(exclude_ids),
    }
    rarest = rarest_words(counts, MOST_ROWS)
    if len(rarest) < len(counts):
        found = _search(session, parameters, rarest, max(COMPARED, k))
        if len(found) >= k:
            return _ranked(session, counts, found)[:k]
    # Few examples, or few of them for this viewer: then every word may find one.
    return _search(session, parameters, counts, k)


def question_words(question: str) -> list[str]:
    """The words of a question that are searched for."""
    return telling(words_of(question))[:MAX_WORDS]


def full_text_query(words: Iterable[str]) -> str:
    """An FTS5 query that any one of the words satisfies."""
    return " OR ".join(f'"{word}"' for word in words)


def _search(
    session: Session, parameters: dict[str, object], words: Iterable[str], k: int
) -> list[RetrievedExample]:
    values = {**parameters, "match": full_text_query(words), "k": k}
    return [RetrievedExample(*row) for row in session.connection().execute(_QUERY, values)]


def _ranked(
    session: Session, counts: dict[str, int], found: list[RetrievedExample]
) -> list[RetrievedExample]:
    corpus = Corpus(*size(session), counts)
    scored = [
        replace(
            example,
            score=bm25(
                corpus,
                example.question,
                example.answer,
                question_weight=QUESTION_WEIGHT,
                answer_weight=ANSWER_WEIGHT,
            ),
        )
        for example in found
    ]
    return sorted(scored, key=lambda example: (-example.score, example.id))
