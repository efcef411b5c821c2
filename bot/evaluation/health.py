"""
Whether what answers now is worse to live with than what answered before. Pure.

For versions that passed the gate and are used: engine errors, waiting, people's feedback. Each
rule needs enough answers to mean something, and the difference to what was before: an engine that
fails for everybody is not mended by a rollback.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bot.evaluation.sequential import CanaryVerdict, Votes, judge_canary

#: So many newest answers tell how often the engine fails.
RECENT = 20
FEWEST_FAILURES = 5
#: So many answers on either side tell how long people wait.
FEWEST_TIMED = 10
#: A shorter additional wait is none, whatever the factor.
NOTICEABLE_SECONDS = 2.0


@dataclass(frozen=True)
class Limits:
    """What is borne; 0 turns a rule off."""

    error_share: float = 0.3
    latency_factor: float = 3.0
    feedback_drop: float = 0.1


@dataclass(frozen=True)
class Record:
    """How one strategy fared; ``outcomes`` are seconds, None for no answer, newest first."""

    outcomes: Sequence[float | None] = ()
    votes: Votes = field(default_factory=Votes)

    @property
    def failures(self) -> int:
        return sum(seconds is None for seconds in self.outcomes[:RECENT])

    @property
    def error_share(self) -> float:
        return self.failures / max(1, len(self.outcomes[:RECENT]))

    @property
    def seconds(self) -> list[float]:
        return [seconds for seconds in self.outcomes if seconds is not None]


def what_is_wrong(now: Record, before: Record, limits: Limits) -> str | None:
    """Why to return to what was before, as a clause; None while there is no reason to."""
    return (
        _errors(now, before, limits)
        or _latency(now, before, limits)
        or _feedback(now, before, limits)
    )


def _errors(now: Record, before: Record, limits: Limits) -> str | None:
    if not limits.error_share or now.failures < FEWEST_FAILURES:
        return None
    if now.error_share < before.error_share + limits.error_share:
        return None
    asked = len(now.outcomes[:RECENT])
    return f"the engine failed in {now.failures} of its last {asked} answers"


def _latency(now: Record, before: Record, limits: Limits) -> str | None:
    if not limits.latency_factor or min(len(now.seconds), len(before.seconds)) < FEWEST_TIMED:
        return None
    slow, usual = median(now.seconds), median(before.seconds)
    if slow <= usual * limits.latency_factor or slow < usual + NOTICEABLE_SECONDS:
        return None
    return f"its answers take {slow:.1f} seconds, and {usual:.1f} would be usual (medians)"


def _feedback(now: Record, before: Record, limits: Limits) -> str | None:
    drop = before.votes.share_good - now.votes.share_good
    if not limits.feedback_drop or drop < limits.feedback_drop:
        return None
    if judge_canary(now.votes, before.votes) is not CanaryVerdict.ROLL_BACK:
        return None
    return (
        f"people liked it in {liked(now.votes)} conversations, and what was before in "
        f"{liked(before.votes)}"
    )


def liked(votes: Votes) -> str:
    """``12 of 15``"""
    return f"{votes.good} of {votes.total}"
