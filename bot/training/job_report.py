"""
What a provider's job object, events and result file mean to us. Pure.

Lenient: states nobody knows are not finished, events come twice, late and without data.
"""

import base64
import binascii
import csv
import io
import json
import math
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

from bot.training.events import kept
from bot.training.trainer import JobState, JobStatus, Metric

_STATES = {
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "canceled": JobState.CANCELLED,
}
_LINE = re.compile(r"\b(?:line|row|example)s?\s+#?(\d+)", re.IGNORECASE)
#: “Validation failed” is said of any file.
_HELD_OUT = re.compile(r"(?:validation|eval(?:uation)?)[_ -]+(?:file|data|set|row|line|example)",
                       re.IGNORECASE)  # fmt: skip
QUESTION_CHARACTERS = 80


def state_of(job: Any) -> JobState:
    return _STATES.get(str(job.status), JobState.RUNNING)


def status_of(
    job: Any, events: Iterable[Any], results: Sequence[dict[str, str]], error: str | None
) -> JobStatus:
    """Put together what is known; the result file fills in what the events left out."""
    points: dict[int, float] = {}
    told: list[tuple[float, str]] = []
    total = None
    for event in events:
        data = event.data if isinstance(event.data, dict) else {}
        step, loss = finite(data.get("step")), number(data.get("train_loss"))
        if step is not None and loss is not None:
            points[int(step)] = loss
            total = int(finite(data.get("total_steps")) or total or 0) or None
        elif event.message:
            told.append((finite(event.created_at) or 0.0, str(event.message)))
    for row in results:
        step, loss = finite(row.get("step")), number(row.get("train_loss"))
        if step is not None and loss is not None:
            points.setdefault(int(step), loss)
    metrics = [Metric(step, points[step]) for step in sorted(points)]
    last = metrics[-1] if metrics else None
    return JobStatus(
        state=state_of(job),
        step=last.step if last else None,
        total_steps=total or (last.step if last and results else None),
        loss=last.loss if last else None,
        seconds_left=_seconds_left(job),
        metrics=metrics,
        error=error,
        record=_record(job) | ({"events": kept(told)} if told else {}),
    )


def read_csv(content: bytes) -> list[dict[str, str]]:
    """Read a result file by its header; at times OpenAI sent it in base64."""
    text = content.decode("utf-8-sig", "replace")
    if not text.startswith("step"):
        try:
            text = base64.b64decode(text, validate=True).decode("utf-8-sig")
        except (binascii.Error, ValueError):
            return []
    return list(csv.DictReader(io.StringIO(text)))


def is_about_data(error: Any) -> bool:
    """Whether a job failed for its rows; codes are shown, not relied on, so lines count too."""
    about = f"{error.code or ''} {error.param or ''}"
    return "file" in about or line_in(error.message or "") is not None


def is_about_validation(error: Any) -> bool:
    """Whether the line it names is one of the validation file: another example's."""
    return says_validation(f"{error.code or ''} {error.param or ''} {error.message or ''}")


def says_validation(words: str) -> bool:
    return _HELD_OUT.search(words) is not None


def line_in(said: str) -> int | None:
    """The line a provider complains of, counted from 1."""
    found = _LINE.search(said)
    return int(found[1]) if found else None


def question_in(content: bytes, line: int) -> str:
    """
    The last thing the user says in that line of a training file; empty if there is none, or the
    provider sent something else than what was uploaded.
    """
    lines = content.decode("utf-8-sig", "replace").split("\n")
    if not 1 <= line <= len(lines):
        return ""
    try:
        messages = json.loads(lines[line - 1])["messages"]
        asked = [str(each["content"]) for each in messages if each["role"] == "user"]
    except (ValueError, KeyError, TypeError):
        return ""
    text = " ".join(asked[-1].split()) if asked else ""
    return text if len(text) <= QUESTION_CHARACTERS else f"{text[:QUESTION_CHARACTERS]}…"


def _record(job: Any) -> dict[str, Any]:
    """What is kept with the run of how it was trained."""
    method = getattr(job, "method", None)
    chosen = getattr(method, "supervised", None) if method else None
    options = chosen.hyperparameters if chosen else getattr(job, "hyperparameters", None)
    known = {
        "job": job.id,
        "base_model": job.model,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "hyperparameters": options.model_dump(exclude_none=True) if options else None,
        "trained_tokens": int(tokens) if (tokens := finite(job.trained_tokens)) else None,
        "seed": job.seed,
    }
    return {name: value for name, value in known.items() if value is not None}


def _seconds_left(job: Any) -> float | None:
    estimated = finite(getattr(job, "estimated_finish", None))
    return max(0.0, estimated - time.time()) if estimated else None


def number(value: Any) -> float | None:
    """What stands for a number; a loss may be none any more, as NaN says."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def finite(value: Any) -> float | None:
    """One that steps, times and sums can be made of."""
    found = number(value)
    return found if found is not None and math.isfinite(found) else None
