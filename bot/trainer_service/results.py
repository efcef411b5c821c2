"""What a job turns into on the wire: hyperparameters, metrics, checkpoint, model, CSV. Pure."""

import csv
import io
from typing import Any

from bot.trainer_service.store import Row, now
from bot.training.hyperparameters import Hyperparameters
from bot.training.trainer import Metric

COLUMNS = ("step", "train_loss", "train_mean_token_accuracy", "valid_loss",
           "valid_mean_token_accuracy", "full_valid_loss",
           "full_valid_mean_token_accuracy")  # fmt: skip


def hyperparameters_of(job: Row) -> Hyperparameters:
    """Our own values for what was asked; "auto" is our default."""
    asked = job["_asked"]
    options: dict[str, Any] = {"seed": job["seed"]}
    if asked["n_epochs"] != "auto":
        options["num_train_epochs"] = asked["n_epochs"]
    if asked["batch_size"] != "auto":
        options["batch_size"] = asked["batch_size"]
    if asked["learning_rate_multiplier"] != "auto":
        options["learning_rate_multiplier"] = asked["learning_rate_multiplier"]
    return Hyperparameters(**options)


def resolve(job: Row) -> None:
    """Write what "auto" became, and how many tokens were trained."""
    options, asked = hyperparameters_of(job), job["_asked"]
    options = options.resolved(job["_rows"], job["_tokens"])
    # A run with nothing left to learn ends early, and is billed for what it did.
    planned, steps = options.epochs(job["_rows"]), int(job.get("_planned_steps") or 1)
    done = int(job.get("_steps") or steps)
    epochs = max(1, min(planned, round(planned * done / steps)))
    rate = asked["learning_rate_multiplier"]
    job["hyperparameters"] = {
        "n_epochs": epochs,
        "batch_size": options.batch_size,
        "learning_rate_multiplier": 1.0 if rate == "auto" else rate,
    }
    job["method"] = {
        "type": "supervised",
        "supervised": {"hyperparameters": job["hyperparameters"]},
    }
    job["trained_tokens"] = job["_tokens"] * epochs


def metrics_of(metric: Metric, total_steps: int | None) -> Row:
    metrics = {"step": metric.step, "total_steps": total_steps, "train_loss": metric.loss}
    if metric.valid_loss is None:
        return metrics
    # OpenAI has one for some rows and one for all; ours is always of all.
    return metrics | {"valid_loss": metric.valid_loss, "full_valid_loss": metric.valid_loss}


def step_words(metrics: Row) -> str:
    step, total, loss = metrics["step"], metrics["total_steps"], metrics["train_loss"]
    held_out = metrics.get("full_valid_loss")
    after = "" if held_out is None else f", full validation loss={held_out:.2f}"
    return f"Step {step}/{total}: training loss={loss:.2f}{after}"


def csv_of(metrics: list[Row]) -> bytes:
    """The result file: one row a step, in the columns OpenAI's has."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(metrics, key=lambda row: int(row["step"])))
    return out.getvalue().encode()


def model_of(job: Row, base: str, owner: str) -> Row:
    suffix = (job["_suffix"] or "").replace(" ", "-")
    return {
        "id": f"ft:{base}:{owner}:{suffix}:{job['id'].removeprefix('ftjob-')[:8]}",
        "object": "model",
        "created": now(),
        "created_at": now(),
        "owned_by": owner,
        "_base": base,
        "_job": job["id"],
    }


def checkpoints_of(job: Row, last_metrics: Row | None, files: list[str]) -> list[Row]:
    """
    The last step's, which is the model itself; earlier ones are not kept. ``files`` are its
    adapter's: OpenAI hands out none.
    """
    if job["status"] != "succeeded" or last_metrics is None:
        return []
    names = ("step", "train_loss", "valid_loss", "full_valid_loss")
    known = {name: last_metrics[name] for name in names if name in last_metrics}
    return [
        {
            "id": f"ftckpt-{job['id'].removeprefix('ftjob-')}",
            "object": "fine_tuning.job.checkpoint",
            "created_at": job["finished_at"],
            "fine_tuned_model_checkpoint": job["fine_tuned_model"],
            "fine_tuning_job_id": job["id"],
            "metrics": known,
            "result_files": files,
            "step_number": last_metrics["step"],
        }
    ]
