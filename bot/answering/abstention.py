"""
Whether a model answers, or what comes closest is quoted, or the bot says that it does not know.

How well the best example fits is one number. Two lines are drawn on it, from the team's own
questions: below the lower one at most a tenth of what was taught is asked for, below the upper one
nine tenths of the same questions whose answers were left out (docs/decisions/0132). In between
nobody can tell a question in new words from one that only looks like it, so nothing is made up: the
team's own words are shown, and whoever asked sees at once whether they fit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from bot.answering.retrieval import RetrievedExample, question_words
from bot.words import stem, stems_of
from storage import thresholds
from storage.full_text import rows_with, size
from storage.tables import Standing
from storage.thresholds import Lines

#: Chosen on the seed's second wordings against the same without their own example.
COVERAGE_WEIGHT = 0.3
#: The share of what was taught that may be refused.
MAY_BE_REFUSED = 0.1
#: The share of what nobody taught that is not answered as if somebody had.
IS_DOUBTED = 0.9
#: A line that doubts more than this of what was taught cannot tell what was not.
MAY_BE_DOUBTED = 0.8
#: Fewer questions than this draw no line.
FEWEST_KNOWN = 10
#: One word is covered wholly or not at all.
FEWEST_WORDS = 2
#: So many of the closest are quoted: the right one is first for three quarters of the seed's second
#: wordings, and among three for nine tenths.
QUOTED = 3
#: In Latin, Chinese and Japanese, Arabic, and Greek.
_QUESTION_MARKS = frozenset("?？؟;")


@dataclass(frozen=True)
class Confidence:
    """
    From 0 on; larger is surer. Numbers with and without a sentence model are not comparable.
    """

    value: float
    is_by_meaning: bool


def confidence(
    session: Session, question: str, examples: Sequence[RetrievedExample]
) -> Confidence | None:
    """How well the best example fits; None where the question has too few words to tell."""
    if not examples:
        return Confidence(0.0, is_by_meaning=False)
    words = question_words(question)
    if len(words) < FEWEST_WORDS:
        return None
    best = examples[0]
    covered = _coverage(session, words, f"{best.question} {best.answer}")
    if best.likeness is None:
        return Confidence(covered, is_by_meaning=False)
    return Confidence(best.likeness + COVERAGE_WEIGHT * covered, is_by_meaning=True)


def asks_nothing(text: str) -> bool:
    """Say whether it is a word like "Thanks!", and no question."""
    return len(question_words(text)) < FEWEST_WORDS and not set(text) & _QUESTION_MARKS


def standing_of(
    session: Session, team_id: str, audience: str, question: str, found: Sequence[RetrievedExample]
) -> Standing:
    """What to do with a question of which ``found`` comes closest; SURE until a line is drawn."""
    how_sure = confidence(session, question, found)
    if how_sure is None:
        return Standing.SURE
    lines = thresholds.read(session, team_id, audience, by_meaning=how_sure.is_by_meaning)
    if lines.unsure_below is not None and how_sure.value < lines.unsure_below:
        return Standing.UNKNOWN
    if lines.sure_from is None or how_sure.value >= lines.sure_from:
        return Standing.SURE
    return Standing.DOUBTFUL if found else Standing.UNKNOWN


def lines_from(
    taught: Sequence[float],
    untaught: Sequence[float],
    *,
    by_meaning: bool,
    is_doubted: float = IS_DOUBTED,
) -> Lines:
    """
    The lines between confidences in questions that were taught, in other words, and in questions
    whose answer was left out. A question may be in both. What is no number counts for nothing.

    Words alone tell so little that the upper line needs questions in other words to prove itself.
    """
    known, unknown = (sorted(filter(math.isfinite, each)) for each in (taught, untaught))
    is_proven, unsure_below = len(known) >= FEWEST_KNOWN, None
    if is_proven:
        unsure_below = known[math.floor(MAY_BE_REFUSED * len(known))]
    if len(unknown) < FEWEST_KNOWN or not (is_proven or by_meaning):
        return Lines(unsure_below)
    doubted = math.ceil(is_doubted * len(unknown))
    # Just above the last that is to be doubted, as nothing below a line is as sure as it.
    sure_from = math.nextafter(unknown[doubted - 1], math.inf) if doubted else 0.0
    if sum(value < sure_from for value in known) > MAY_BE_DOUBTED * len(known):
        sure_from = 0.0
    return Lines(unsure_below, sure_from)


def _coverage(session: Session, words: Sequence[str], text: str) -> float:
    """The share of the question's words that a text has, rare ones weighing more."""
    counts, [rows, _] = rows_with(session, words), size(session)
    weights = [math.log(1 + rows / counts.get(word, 0.5)) for word in words]
    there = stems_of(text)
    covered = sum(
        weight for root, weight in zip(stem(words), weights, strict=True) if root in there
    )
    return covered / max(sum(weights), 1e-9)
