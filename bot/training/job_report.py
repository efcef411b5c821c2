"""
What a provider's job object, events and result file mean to us. Pure.

Lenient: states nobody knows are not finished, events come twice, late and without data.
"""

import base64
import binascii
import csv
import io
import json
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
        step, loss = _number(data.get("step")), _number(data.get("train_loss"))
        if step is not None and loss is not None:
            points[int(step)] = loss
            total = int(_number(data.get("total_steps")) or total or 0) or None
        elif event.message:
            told.append((_number(event.created_at) or 0.0, str(event.message)))
    for row in results:
        step, loss = _number(row.get("step")), _number(row.get("train_loss"))
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
    return "validation" in f"{error.code or ''} {error.param or ''} {error.message or ''}"


def line_in(said: str) -> int | None:
    """The line a provider complains of, counted from 1."""
    found = _LINE.search(said)
    return int(found[1]) if found else None


def question_in(content: bytes, line: int) -> str:
    """The last thing the user says in that line of a training file; empty if there is none."""
    lines = content.decode("utf-8-sig", "replace").split("\n")
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return ""
    asked = [m["content"] for m in json.loads(lines[line - 1])["messages"] if m["role"] == "user"]
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
        "trained_tokens": job.trained_tokens,
        "seed": job.seed,
    }
    return {name: value for name, value in known.items() if value is not None}


def _seconds_left(job: Any) -> float | None:
    estimated = getattr(job, "estimated_finish", None)
    return max(0.0, estimated - time.time()) if estimated else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
