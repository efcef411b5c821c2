"""
What AutoTrain Advanced writes while it trains, as steps and as why it failed. Pure.

It ends with exit code 0 whatever happened, so what it says is all there is besides its files.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: Its own lines; transformers prints the same once more, rounded.
_STEP = re.compile(
    r"\| autotrain\..* - \{'loss': (?P<loss>[-\w.+]+),.*'epoch': (?P<epoch>[\d.e-]+)"
)
_NORM = re.compile(r"'grad_norm': (?P<norm>[-\w.+]+)")
_RATE = re.compile(r"'learning_rate': (?P<rate>[\d.e-]+)")
_FAILED = "has failed due to an exception"
#: The last line of a traceback: ``ValueError: Tokenizer class X does not exist``.
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)\b.*$")
#: What `accelerate` raises when the process that trains is gone; of a kill it is the only word.
_GONE = "subprocess.CalledProcessError"
REASON_CHARACTERS = 200


@dataclass(frozen=True)
class LoggedStep:
    """One step; ``total_steps`` follows from the part of the epoch that is done."""

    step: int
    total_steps: int
    loss: float
    learning_rate: float | None

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.loss)


def steps_in(lines: Iterable[str], before: int = 0) -> Iterator[LoggedStep]:
    """
    Every step that is logged, of a project that logs each one and makes one pass; ``before`` were
    in lines before these.
    """
    step = before
    for line in lines:
        found = _STEP.search(line)
        if found is None:
            continue
        step += 1
        norm, rate = _NORM.search(line), _RATE.search(line)
        loss = _number(found["loss"])
        # transformers reports a mean in place of a loss that is no number; the gradient tells.
        if norm and not math.isfinite(_number(norm["norm"])):
            loss = math.nan
        part = _number(found["epoch"])
        yield LoggedStep(
            step=step,
            total_steps=max(step, round(step / part)) if part > 0 else step,
            loss=loss,
            learning_rate=_number(rate["rate"]) if rate else None,
        )


def says_it_failed(lines: Iterable[str]) -> bool:
    """Whether its monitor caught something; it ends as if nothing had been."""
    return any(_FAILED in line for line in lines)


def reason_in(lines: Iterable[str]) -> str:
    """The last thing that was raised, in its own words; empty if nothing was."""
    reason = ""
    in_traceback = False
    for line in lines:
        in_traceback = in_traceback or "Traceback (most recent call last)" in line
        if in_traceback and _RAISED.match(line) and not line.startswith(_GONE):
            reason = line.strip()
    return reason[:REASON_CHARACTERS]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
