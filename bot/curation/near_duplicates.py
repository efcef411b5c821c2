"""
Examples that ask the same as a question: found by their rarest words and, where a sentence model
is there, by what they mean; then compared.

What is found is kept in pairs when an example is stored, for people to merge or keep apart.
Nothing is dropped or changed here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from sqlalchemy import bindparam, text
from sqlmodel import Session

from bot.embedding.index import Nearness
from bot.words import STOP_WORDS, stem, stems_of, telling, words_of
from storage import vectors
from storage.audience import WORKSPACE, Viewer
from storage.full_text import rarest_words, rows_with, size
from storage.near_duplicates import COMPARED, replace_open
from storage.tables import Example, NearDuplicate, NearDuplicateKind

#: Questions at least so alike ask the same.
ALIKE = 0.8
#: So much of a question in one example, and so much less in any other, asks the same too;
#: chosen on the seed's second wordings (docs/decisions/0040).
CLEARLY_BEST = 0.74
#: With a sentence model: the cosine, so much of the share of words, and so much of the lead over
#: the next, together at least this; chosen on the second wordings too (docs/decisions/0058).
SHARE_WEIGHT, LEAD_WEIGHT = 0.5, 0.5
SURE_BY_MEANING = 0.69
#: Where the answer is known too, so much of its likeness is added: two who teach one fact differ
#: more in how they ask than in what they answer. At least these, with and without a sentence
#: model; chosen on second wordings whose answers had lost half their words (decision 0058).
ANSWER_WEIGHT = 0.8
SURE_WITH_ANSWER, SURE_WITH_ANSWER_BY_WORDS = 0.92, 0.6
#: Answers less alike than this say different things.
SAME_ANSWER = 0.4
#: How many of the best matches of the full-text index are compared.
COMPARED_AT_MOST = 50
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


@dataclass(frozen=True)
class _Candidate:
    example_id: int
    question: str
    answer: str


@dataclass(frozen=True)
class _Asked:
    """
    A question as candidates are compared with it, with its answer where it has one. ``counts`` is
    how many examples have each of its telling words, ``weights`` what the stem of each counts:
    much if few examples have it.
    """

    question: str
    answer: str
    stems: frozenset[str]
    counts: Mapping[str, int]
    weights: Sequence[tuple[str, float]]

    @property
    def is_of_fillers(self) -> bool:
        return not STOP_WORDS.isdisjoint(self.counts)

    def share(self, stems: frozenset[str]) -> float:
        """Which part of the words' weight a text with these stems has."""
        there = sum(weight for root, weight in self.weights if root in stems)
        return there / (sum(weight for _, weight in self.weights) or 1.0)


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
        for candidate, similarity in _alike(asked, found, nearness)
    ]


def note_near_duplicates(
    session: Session, example: Example, nearness: Nearness | None = None
) -> None:
    """
    Keep the pairs a stored example makes, instead of the open ones it had.

    In the transaction that stores it there is no time to ask a sentence model: words alone tell
    then, and the pairs are noted again in the background with ``nearness``.

    An example for everybody is compared with all, a private one with its own channel's and
    everybody's: nobody could ever be shown a pair from two channels without being in both.
    """
    assert example.id is not None
    if nearness is None:
        vectors.mark_compared(session, example.id, is_compared=False)
    if example.state not in COMPARED:
        replace_open(session, example, [])
        return
    audiences = None if example.audience == WORKSPACE else {WORKSPACE, example.audience}
    asked = _look_up(session, example.question, example.answer)
    found = _candidates(session, example.team_id, audiences, asked, {example.id}, nearness)
    alike = _alike(asked, found, nearness)
    replace_open(session, example, [_pair(example, other, how_much) for other, how_much in alike])


def _look_up(session: Session, question: str, answer: str) -> _Asked:
    words = telling(words_of(question))[:MAX_WORDS]
    rows, _ = size(session)
    counts = rows_with(session, words)
    weights = [log(1 + rows / counts.get(word, 0.5)) for word in words]
    weighed = list(zip(stem(words), weights, strict=True))
    return _Asked(question, answer, stems_of(question), counts, weighed)


def _candidates(
    session: Session,
    team_id: str,
    audiences: Collection[str] | None,
    asked: _Asked,
    exclude: Collection[int],
    nearness: Nearness | None,
) -> list[_Candidate]:
    """
    What shares rare words with a question, and what is nearest to it; ``audiences`` None means all
    of the workspace.
    """
    if audiences is not None and not audiences:
        return []
    parameters = {
        "team_id": team_id,
        "states": [state.value for state in COMPARED],
        "everybody": audiences is None,
        "audiences": sorted(audiences or ()),
        "exclude": sorted(exclude),
    }
    connection = session.connection()
    found: list[_Candidate] = []
    if asked.counts:
        match = " OR ".join(f'"{word}"' for word in rarest_words(asked.counts, MOST_ROWS))
        by_words = {**parameters, "match": match, "limit": COMPARED_AT_MOST}
        found = [_Candidate(*row) for row in connection.execute(_CANDIDATES, by_words)]
    if nearness is not None:
        by_meaning = {**parameters, "ids": nearness.nearest(COMPARED_AT_MOST)}
        found += [_Candidate(*row) for row in connection.execute(_BY_ID, by_meaning)]
    return list(dict.fromkeys(found))


def _alike(
    asked: _Asked, candidates: Collection[_Candidate], nearness: Nearness | None
) -> list[tuple[_Candidate, float]]:
    """The candidates that ask the same, and how sure that is, from 0 to 1; the surest first."""
    shares = {each: asked.share(stems_of(f"{each.question} {each.answer}")) for each in candidates}
    scored = _clearly_best(shares, nearness, _same_answers(asked, candidates))
    for each, share in shares.items():
        # A question has no more of the words than it has with its answer, fillers apart.
        both = _both_ways(asked, each) if share >= ALIKE or asked.is_of_fillers else 0.0
        if both >= ALIKE:
            scored[each] = both
    return sorted(scored.items(), key=lambda found: (-found[1], found[0].example_id))


def _same_answers(asked: _Asked, candidates: Collection[_Candidate]) -> dict[_Candidate, float]:
    """How alike the answers are, from 0 to 1; empty for a question without one."""
    if not asked.answer:
        return {}
    stems = stems_of(asked.answer)
    return {
        each: _overlap(asked.answer, each.answer, stems, stems_of(each.answer))
        for each in candidates
    }


def _clearly_best(
    shares: Mapping[_Candidate, float],
    nearness: Nearness | None,
    answers: Mapping[_Candidate, float],
) -> dict[_Candidate, float]:
    """What asks the same in other words, and how sure that is: the best alone, or none."""
    cosines = {each: nearness.of(each.example_id) for each in shares} if nearness else {}
    known = {each: cosine for each, cosine in cosines.items() if cosine is not None}
    if len(known) < 2:
        return _leading(shares, shares, 1.0, CLEARLY_BEST) | _leading(
            shares, _with_answers(shares, answers), LEAD_WEIGHT, SURE_WITH_ANSWER_BY_WORDS
        )
    sums = {each: cosine + SHARE_WEIGHT * shares[each] for each, cosine in known.items()}
    return _leading(known, sums, LEAD_WEIGHT, SURE_BY_MEANING) | _leading(
        known, _with_answers(sums, answers), LEAD_WEIGHT, SURE_WITH_ANSWER
    )


def _with_answers(
    sums: Mapping[_Candidate, float], answers: Mapping[_Candidate, float]
) -> dict[_Candidate, float]:
    return {each: sums[each] + ANSWER_WEIGHT * answers[each] for each in sums if each in answers}


def _leading(
    similarity: Mapping[_Candidate, float],
    sums: Mapping[_Candidate, float],
    lead_weight: float,
    sure: float,
) -> dict[_Candidate, float]:
    """The one with the greatest sum, if that and its lead over the next are enough."""
    ranked = sorted(sums, key=lambda each: -sums[each])
    if not ranked:
        return {}
    # One that stands alone leads nobody.
    lead = sums[ranked[0]] - sums[ranked[1]] if len(ranked) > 1 else 0.0
    is_sure = sums[ranked[0]] + lead_weight * lead >= sure
    return {ranked[0]: min(1.0, similarity[ranked[0]])} if is_sure else {}


def _both_ways(asked: _Asked, candidate: _Candidate) -> float:
    """How much each of two questions has of the other."""
    stems = stems_of(candidate.question)
    overlap = _overlap(asked.question, candidate.question, asked.stems, stems)
    return min(asked.share(stems), overlap)


def _overlap(one: str, other: str, stems: frozenset[str], others: frozenset[str]) -> float:
    """How much two texts have in common: the cosine of their stems."""
    if not stems or not others:
        return float(one.strip() == other.strip())
    return len(stems & others) / sqrt(len(stems) * len(others))


def _pair(example: Example, candidate: _Candidate, similarity: float) -> NearDuplicate:
    assert example.id is not None
    first_id, second_id = sorted((example.id, candidate.example_id))
    one, other = example.answer, candidate.answer
    is_same = _overlap(one, other, stems_of(one), stems_of(other)) >= SAME_ANSWER
    return NearDuplicate(
        team_id=example.team_id,
        first_id=first_id,
        second_id=second_id,
        similarity=similarity,
        kind=NearDuplicateKind.NEAR_DUPLICATE if is_same else NearDuplicateKind.CONTRADICTION,
    )


def _why(question: str, candidate: _Candidate) -> str:
    there = stems_of(f"{candidate.question} {candidate.answer}")
    shared = [word for word in telling(words_of(question)) if stem([word])[0] in there]
    return "same words: " + ", ".join(shared) if shared else "says the same in other words"
