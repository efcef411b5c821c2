"""What a report tells, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.tables import Evaluation, ModelVersion, Run, Snapshot


@dataclass(frozen=True)
class Given:
    """One strategy's answer; ``f1`` against the curated one."""

    strategy: str
    text: str
    f1: float
    is_reused: bool = False


@dataclass(frozen=True)
class Asked:
    """
    One held-out question with all its answers.

    ``is_unseen``: nothing of it was taught, so "I don't know" is the right answer. ``gain`` is the
    tuned answer's score less the prompted one's.
    """

    question: str
    reference: str
    is_unseen: bool
    answers: Sequence[Given]
    gain: float | None = None


@dataclass(frozen=True)
class Report:
    """
    ``compared`` are the names of the prompted and the tuned strategy that ``gain`` is between.

    ``pictures`` are PNG bytes with their words. ``rows`` counts the snapshot's by split;
    ``erased`` of the questions are gone because somebody's words were erased.
    """

    run: Run
    version: ModelVersion
    evaluation: Evaluation
    snapshot: Snapshot
    rows: Mapping[str, int]
    asked: Sequence[Asked]
    compared: tuple[str, str] | None
    erased: int
    made_at: datetime
    pictures: Sequence[tuple[bytes, str]] = ()
