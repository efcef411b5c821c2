"""What Together says of a job, in our words. Pure."""

from typing import Any

from bot.training.events import kept, seconds_of
from bot.training.job_report import finite, number
from bot.training.trainer import JobState, JobStatus, Metric

NANODOLLARS = 1e9
_STATES = {
    "completed": JobState.SUCCEEDED,
    "error": JobState.FAILED,
    "user_error": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}


def state_of(job: dict[str, Any]) -> JobState:
    return _STATES.get(str(job["status"]), JobState.RUNNING)


def status_of(job: dict[str, Any], events: list[dict[str, Any]], metrics: Any) -> JobStatus:
    """Lenient: what cannot be read is not known; a job must not end for a figure."""
    points: dict[int, float] = {}
    for each in metrics if isinstance(metrics, list) else ():
        found = each if isinstance(each, dict) else {}
        step = finite(found.get("train/global_step", found.get("global_step")))
        loss = number(found.get("train/loss", found.get("loss")))
        if step is not None and loss is not None:
            points[int(step)] = loss
    totals = [int(total) for each in events if (total := finite(each.get("total_steps")))]
    told = [(seconds_of(each.get("created_at") or ""), each["message"]) for each in events]
    last = max(points, default=None)
    progress = job.get("progress")
    if not isinstance(progress, dict) or not progress.get("estimate_available"):
        progress = {}
    price = finite(job.get("total_price"))
    fields = ("model", "training_file", "validation_file", "n_epochs", "batch_size",
              "learning_rate", "training_type", "packing", "random_seed",
              "token_count")  # fmt: skip
    record = {name: job[name] for name in fields if job.get(name) is not None}
    if finite(record.get("token_count")) is None:
        record.pop("token_count", None)
    if price is not None:
        record["billed_dollars"] = price / NANODOLLARS
    if "token_count" in record:
        record["trained_tokens"] = record.pop("token_count")
    return JobStatus(
        state=state_of(job),
        step=last,
        total_steps=totals[-1] if totals else None,
        loss=points[last] if last is not None else None,
        seconds_left=finite(progress.get("seconds_remaining")),
        metrics=[Metric(step, points[step]) for step in sorted(points)],
        record={"job": job["id"], **record, "events": kept(told)},
    )
