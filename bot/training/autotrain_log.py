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
#: Its monitor, and what the command line itself dies of.
_FAILED = ("has failed due to an exception", "Traceback (most recent call last)")
#: The last line of a traceback: ``ValueError: Tokenizer class X does not exist``.
_RAISED = re.compile(r"^(?P<what>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt)\b.*)$")
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


def steps_in(lines: Iterable[str]) -> Iterator[LoggedStep]:
    """Every step that is logged, of a project that logs each one and makes one pass."""
    step = 0
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


def failure_in(lines: Iterable[str]) -> str | None:
    """Why it failed, in its own words; None if it does not say that it did."""
    has_failed = False
    reason = ""
    for line in lines:
        has_failed = has_failed or any(words in line for words in _FAILED)
        raised = _RAISED.match(line.strip())
        if has_failed and raised and not reason:
            reason = raised["what"]
        elif has_failed and raised:
            # The cause comes first, what was made of it last.
            reason = raised["what"]
    if not has_failed:
        return None
    return reason[:REASON_CHARACTERS] or "it does not say why"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
