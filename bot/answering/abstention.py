"""
When to say that nobody taught the answer, instead of letting a model make one up.

How well the best example fits is one number, and below a threshold the bot names who answered
similar questions. The threshold is chosen on the team's own held-out wordings (``calibrate``), so
that no more than a tenth of what it was taught is refused. Until then it refuses nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from bot.answering.retrieval import RetrievedExample, question_words, retrieve
from bot.embedding.meaning import Meaning
from bot.words import stem, stems_of
from storage import thresholds
from storage.audience import Viewer
from storage.full_text import rows_with, size

#: Chosen on the seed's second wordings against the same without their own example.
COVERAGE_WEIGHT = 0.3
#: The share of what was taught that may be refused.
MAY_BE_REFUSED = 0.1
#: Fewer known questions than this choose no threshold.
FEWEST_KNOWN = 10
#: "Thanks!" asks nothing.
FEWEST_WORDS = 2


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
    words = question_words(question)
    if len(words) < FEWEST_WORDS:
        return None
    if not examples:
        return Confidence(0.0, is_by_meaning=False)
    best = examples[0]
    covered = _coverage(session, words, f"{best.question} {best.answer}")
    if best.likeness is None:
        return Confidence(covered, is_by_meaning=False)
    return Confidence(best.likeness + COVERAGE_WEIGHT * covered, is_by_meaning=True)


def is_unsure(session: Session, team_id: str, audience: str, found: Confidence | None) -> bool:
    """Whether to say that nobody taught the answer; never before a threshold was chosen."""
    if found is None:
        return False
    below = thresholds.read(session, team_id, audience, by_meaning=found.is_by_meaning)
    return below is not None and found.value < below


def calibrate(session: Session, team_id: str, audience: str, known: Sequence[str]) -> None:
    """Choose the threshold for an audience from questions whose answers it was taught."""
    keep_thresholds(session, team_id, audience, choose(session, team_id, audience, known))


def choose(
    session: Session,
    team_id: str,
    audience: str,
    known: Sequence[str],
    meaning: Meaning | None = None,
) -> dict[bool, float]:
    """
    The thresholds with (True) and without a sentence model, of which enough is known.

    Asks the sentence model, so it belongs into no transaction that writes.
    """
    found: dict[bool, list[float]] = {True: [], False: []}
    viewer = Viewer.model(audience)
    for question in known:
        examples = retrieve(session, team_id, audience, viewer, question, 1, meaning=meaning)
        if each := confidence(session, question, examples):
            found[each.is_by_meaning].append(each.value)
    chosen = {by_meaning: threshold_of(values) for by_meaning, values in found.items()}
    return {by_meaning: below for by_meaning, below in chosen.items() if below is not None}


def keep_thresholds(
    session: Session, team_id: str, audience: str, chosen: Mapping[bool, float]
) -> None:
    for by_meaning, below in chosen.items():
        thresholds.write(session, team_id, audience, below, by_meaning=by_meaning)


def threshold_of(values: Sequence[float]) -> float | None:
    """
    The highest that refuses no more than may be of these; None for too few of them.

    What a broken model says is no number tells nothing: nothing is below it.
    """
    known = sorted(filter(math.isfinite, values))
    if len(known) < FEWEST_KNOWN:
        return None
    return known[math.floor(MAY_BE_REFUSED * len(known))]


def _coverage(session: Session, words: Sequence[str], text: str) -> float:
    """The share of the question's words that a text has, rare ones weighing more."""
    counts, [rows, _] = rows_with(session, words), size(session)
    weights = [math.log(1 + rows / counts.get(word, 0.5)) for word in words]
    there = stems_of(text)
    covered = sum(
        weight for root, weight in zip(stem(words), weights, strict=True) if root in there
    )
    return covered / max(sum(weights), 1e-9)
