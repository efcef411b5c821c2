"""
The figures behind "should we tune?", and the answer that follows from them. Pure.

What was not measured is None; ``bot.evaluation.advice_page`` says that it is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.evaluation.intervals import Interval
from bot.evaluation.learning_curve import Point
from storage.tables import Verdict


class Answer(StrEnum):
    NOT_YET = "not_yet"  # too few examples to try
    RIGHTS_FIRST = "rights_first"  # nobody stated the right to train
    TRY = "try"  # nothing was measured
    YES = "yes"
    UNPROVEN = "unproven"  # it pays, but nobody can prove that it is served as it was trained
    DONE = "done"  # the tuned version answers already
    NOT_SETTLED = "not_settled"
    NO = "no"


@dataclass(frozen=True)
class Figure:
    """How one strategy did: token F1 with its bounds, what an answer takes, facts right."""

    name: str
    f1: float
    low: float | None
    high: float | None
    prompt_tokens: float
    seconds: float
    dollars_per_1000: float | None
    facts: float | None = None


@dataclass(frozen=True)
class Kind:
    """Questions with one tag, or from one channel; ``gain`` is of tuning over prompting."""

    what: str  # "tag" or "channel"
    name: str
    questions: int
    prompted: float
    tuned: float
    gain_low: float | None
    gain_high: float | None

    @property
    def gain(self) -> float:
        return self.tuned - self.prompted


@dataclass(frozen=True)
class Measured:
    """The newest evaluation, and what was measured before it."""

    verdict: Verdict
    reason: str
    version: str
    is_live: bool
    held_out: int
    trained_on: int
    prompting: Figure | None
    tuned: Figure | None
    points: Sequence[Point] = ()
    kinds: Sequence[Kind] = ()
    lacks_proof_alone: bool = False
    is_retired: bool = False


@dataclass(frozen=True)
class Costs:
    """Of one more run. None is not known."""

    trainer: str
    is_own_machine: bool
    minutes: float | None
    dollars: float | None
    hosting_per_hour: float
    price_seen_on: str


@dataclass(frozen=True)
class Material:
    """
    What there is to learn from. ``found_first`` of the ``wordings`` held out bring their own
    example first in retrieval.
    """

    examples: int
    questions: int
    wordings: int
    worded: int
    found_first: int
    looked_up: int
    fewest: int
    is_attested: bool
    left_out: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0
    disputed: int = 0


@dataclass(frozen=True)
class Advice:
    """``expected`` are the scores of twice as many examples, None without a curve."""

    audience: str
    answer: Answer
    material: Material
    costs: Costs
    measured: Measured | None = None
    expected: Interval | None = None


def answer_of(material: Material, measured: Measured | None) -> Answer:
    """The short answer."""
    if measured is not None:
        if measured.verdict == Verdict.PROMOTE:
            return Answer.DONE if measured.is_live else Answer.YES
        if measured.lacks_proof_alone:
            return Answer.DONE if measured.is_live else Answer.UNPROVEN
        return Answer.NOT_SETTLED if measured.verdict == Verdict.HOLD else Answer.NO
    if material.examples < material.fewest:
        return Answer.NOT_YET
    return Answer.TRY if material.is_attested else Answer.RIGHTS_FIRST


def tokens_saved(measured: Measured) -> float | None:
    """Prompt tokens an answer needs less, tuned instead of prompted; negative if it needs more."""
    if measured.prompting is None or measured.tuned is None:
        return None
    return measured.prompting.prompt_tokens - measured.tuned.prompt_tokens
