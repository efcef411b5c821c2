"""What Together says of a job, in our words. Pure."""

from typing import Any

from bot.training.events import kept, seconds_of
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


def status_of(
    job: dict[str, Any], events: list[dict[str, Any]], metrics: list[dict[str, float]]
) -> JobStatus:
    points: dict[int, float] = {}
    for each in metrics:
        step = each.get("train/global_step", each.get("global_step"))
        loss = each.get("train/loss", each.get("loss"))
        if step is not None and loss is not None:
            points[int(step)] = float(loss)
    totals = [each["total_steps"] for each in events if each.get("total_steps")]
    told = [(seconds_of(each["created_at"]), each["message"]) for each in events]
    last = max(points, default=None)
    progress = job.get("progress") or {}
    price = job.get("total_price")
    fields = ("model", "training_file", "validation_file", "n_epochs", "batch_size",
              "learning_rate", "training_type", "packing", "random_seed",
              "token_count")  # fmt: skip
    record = {name: job[name] for name in fields if job.get(name) is not None}
    if price is not None:
        record["billed_dollars"] = price / NANODOLLARS
    if "token_count" in record:
        record["trained_tokens"] = record.pop("token_count")
    return JobStatus(
        state=state_of(job),
        step=last,
        total_steps=totals[-1] if totals else None,
        loss=points[last] if last is not None else None,
        seconds_left=progress["seconds_remaining"] if progress.get("estimate_available") else None,
        metrics=[Metric(step, points[step]) for step in sorted(points)],
        record={"job": job["id"], **record, "events": kept(told)},
    )
