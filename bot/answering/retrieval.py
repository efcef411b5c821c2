"""
The team's examples that fit a question, by words and by meaning, of the right audience.

BM25 finds what shares words. Scoring every row with one of them costs much, so in a large data set
the index only says which examples have which words, and the best by that are scored
(docs/decisions/0039). The question is hostile text: only its words reach the full-text query, each
quoted. Where a sentence model is there, it finds what says the same in other words, and one sum
ranks both (docs/decisions/0057); where it is not, or not in time, words alone decide.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, text
from sqlmodel import Session

from bot.answering.ranking import Corpus, best_first, bm25
from bot.embedding.index import Nearness
from bot.embedding.meaning import Meaning
from bot.words import telling, words_of
from storage.audience import Viewer, readable
from storage.chunks import pages
from storage.full_text import ids_with, rarest_words, rows_with, size

#: More words than these do not find better examples, but cost time.
MAX_WORDS = 64
#: Words in the question of an example weigh more than words in its answer.
QUESTION_WEIGHT, ANSWER_WEIGHT = 3.0, 1.0
#: Up to so many rows with its words SQLite scores all of them.
FEW_ROWS = 15_000
#: How often the words that find examples may occur in all of them together, the rarest first.
MOST_ROWS = 200_000
#: Of what they find so many are scored, the best half of them at least.
COMPARED = 200
#: How many of the nearest by meaning, and of the best by words, are ranked together.
RANKED = 50
#: What sharing the question's words adds to the cosine, for the example that shares most of them.
#: Chosen on the seed's second wordings, like the next one.
WORDS_WEIGHT = 0.1
#: Less like the question than this, and without a word of it, an example has nothing to say.
FLOOR = 0.2
_IDS_AT_ONCE = 2_000

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

_BY_ID = text(
    """
    SELECT id, question, answer, permalink
    FROM example
    WHERE id IN :ids
      AND team_id = :team_id
      AND state = 'approved'
      AND audience IN :audiences
      AND id NOT IN :exclude_ids
    """
).bindparams(
    bindparam("ids", expanding=True),
    bindparam("audiences", expanding=True),
    bindparam("exclude_ids", expanding=True),
)


@dataclass(frozen=True)
class RetrievedExample:
    """
    ``score``: larger fits better, only comparable within one search.

    ``likeness`` is the cosine of what question and example mean, comparable between searches; None
    where no sentence model was asked.
    """

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
    *,
    meaning: Meaning | None = None,
) -> list[RetrievedExample]:
    """
    Return at most ``k`` examples that fit the question, the best first.

    Without ``meaning``, those that share words with it.
    """
    audiences = readable(audience, viewer)
    if not audiences or k <= 0:
        return []
    parameters: dict[str, object] = {
        "question_weight": QUESTION_WEIGHT,
        "answer_weight": ANSWER_WEIGHT,
        "team_id": team_id,
        "audiences": sorted(audiences),
        "exclude_ids": sorted(exclude_ids),
    }
    counts = rows_with(session, question_words(question))
    nearness = meaning.nearness(session, team_id, question) if meaning else None
    if nearness is None:
        return _by_words(session, parameters, counts, k)[:k]
    by_words = _by_words(session, parameters, counts, k, at_most=RANKED)
    near = _by_meaning(session, parameters, nearness, max(RANKED, k))
    found = {example.id: example for example in (*near, *by_words)}
    scored = _scored(session, counts, list(found.values())) if counts else found.values()
    return _together(scored, nearness)[:k]


def _by_words(
    session: Session,
    parameters: dict[str, object],
    counts: dict[str, int],
    k: int,
    *,
    at_most: int = 0,
) -> list[RetrievedExample]:
    """``k`` examples, or up to ``at_most`` where that costs no second search."""
    if not counts:
        return []
    most = max(k, at_most)
    if sum(counts.values()) > FEW_ROWS:
        rarest = rarest_words(counts, MOST_ROWS)
        found = _likely(session, parameters, counts, rarest, most)
        if len(found) >= k or len(rarest) == len(counts):
            scored = _scored(session, counts, found)
            return sorted(scored, key=lambda example: (-example.score, example.id))[:most]
    # Few examples, or few of them for this viewer: then every word may find one.
    return _search(session, parameters, counts, most)


def _likely(
    session: Session,
    parameters: dict[str, object],
    counts: dict[str, int],
    words: Iterable[str],
    most: int,
) -> list[RetrievedExample]:
    """Those that have most of these words and may be seen, ``most`` and more if there are."""
    looked_at = max(COMPARED, 2 * most)
    found: list[RetrievedExample] = []
    for best in best_first(
        Corpus(*size(session), counts),
        {w: (ids_with(session, w), ids_with(session, w, in_question=True)) for w in words},
        question_weight=QUESTION_WEIGHT,
        answer_weight=ANSWER_WEIGHT,
        first=looked_at,
    ):
        for some in pages(iter(best.tolist()), _IDS_AT_ONCE):
            seen = _seen_of(session, parameters, some)
            found += [seen[each] for each in some if each in seen]
            if len(found) >= looked_at // 2:
                return found
    return found


def _by_meaning(
    session: Session, parameters: dict[str, object], nearness: Nearness, k: int
) -> list[RetrievedExample]:
    """The nearest that may be seen; where others stand in between, further ones are looked at."""
    nearest = nearness.nearest(2 * k, FLOOR)
    found = _seen_of(session, parameters, nearest)
    if len(found) < k and len(nearest) == 2 * k:
        nearest = nearness.nearest(len(nearness.cosines), FLOOR)
        for at in range(2 * k, len(nearest), _IDS_AT_ONCE):
            found |= _seen_of(session, parameters, nearest[at : at + _IDS_AT_ONCE])
            if len(found) >= k:
                break
    return [found[each] for each in nearest if each in found][:k]


def _seen_of(
    session: Session, parameters: dict[str, object], ids: list[int]
) -> dict[int, RetrievedExample]:
    rows = session.connection().execute(_BY_ID, {**parameters, "ids": ids})
    return {row[0]: RetrievedExample(row[0], row[1], row[2], row[3], 0.0) for row in rows}


def _together(examples: Iterable[RetrievedExample], nearness: Nearness) -> list[RetrievedExample]:
    """Rank by the cosine and, in its proportion to the best, by what BM25 says."""
    likeness = {example.id: nearness.of(example.id) for example in examples}
    nearest = max((each for each in likeness.values() if each is not None), default=0.0)
    best = max((example.score for example in examples), default=0.0)
    ranked = []
    for example in examples:
        share = example.score / best if best > 0 else 0.0
        known = likeness[example.id]
        # An example that has no vector yet counts as near as its words let think.
        cosine = share * nearest if known is None else known
        score = cosine + WORDS_WEIGHT * share
        ranked.append(replace(example, score=score, likeness=known))
    return sorted(ranked, key=lambda example: (-example.score, example.id))


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


def _scored(
    session: Session, counts: dict[str, int], found: list[RetrievedExample]
) -> list[RetrievedExample]:
    corpus = Corpus(*size(session), counts)
    return [
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
