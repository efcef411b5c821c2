"""
What the service holds: its files, jobs and models, and what ends or removes one of them.

``bot.trainer_service.steps`` takes the jobs on from here. Knows no HTTP.
"""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.model_place import AdapterEngine
from bot.trainer_service import results
from bot.trainer_service.errors import ApiError, invalid
from bot.trainer_service.store import Row, Store, new_id, now
from bot.trainer_service.webhooks import announce
from bot.training.hyperparameters import Hyperparameters
from bot.training.trainer import Trainer

OPEN = ("validating_files", "queued", "running")
ENDED = ("succeeded", "failed", "cancelled")
#: The trainer's name for the one job in its folder.
JOB = "job"


@dataclass(frozen=True)
class Desk:
    """
    ``make_trainer`` gets a job's folder and hyperparameters, and finds the job there if it was
    started before. ``turn`` is held while jobs change. ``checkpoint`` is called with the name of
    each point at which a crash must cost nothing; tests end the process there.
    """

    store: Store
    home: Path
    engine: AdapterEngine
    base: BaseModel
    make_trainer: Callable[[Path, Hyperparameters], Trainer]
    context_tokens: int = 2048
    fewest_rows: int = 1
    shutdown_date: date | None = None  # when the service ends, for its clients to know
    checkpoint: Callable[[str], None] = lambda name: None
    turn: threading.RLock = field(default_factory=threading.RLock)
    trainers: dict[str, Trainer] = field(default_factory=dict)

    def path_of_file(self, file_id: str) -> Path:
        return self.home / "files" / file_id

    def folder_of_job(self, job_id: str) -> Path:
        return self.home / "jobs" / job_id

    def path_of_adapter(self, job_id: str) -> Path:
        return self.home / "adapters" / job_id

    def trainer_of(self, job: Row) -> Trainer:
        if job["id"] not in self.trainers:
            options = results.hyperparameters_of(job)
            self.trainers[job["id"]] = self.make_trainer(self.folder_of_job(job["id"]), options)
        return self.trainers[job["id"]]


def adapters_of(desk: Desk) -> dict[str, Path]:
    """Every tuned model's GGUF file, by the model's id."""
    return {
        model["id"]: path
        for model in desk.store.find("model", None)
        if (path := desk.home / model["_gguf"]).is_file()
    }


def add_event(
    desk: Desk, job: Row, message: str, *, level: str = "info", metrics: Row | None = None
) -> None:
    """Append to the job's events; a step that was reported is not reported again."""
    event = {
        "id": new_id("ftevent-"),
        "object": "fine_tuning.job.event",
        "created_at": now(),
        "level": level,
        "message": message,
        "type": "metrics" if metrics else "message",
        "data": metrics or {},
    }
    step = metrics["step"] if metrics else None
    owner = desk.store.owner("job", job["id"])
    desk.store.add("event", owner, event, job_id=job["id"], step=step)


def end(desk: Desk, job: Row, status: str, *, code: str = "", message: str = "") -> None:
    """Put a job into one of its last states, and stop its training."""
    if code:
        param = code.removeprefix("invalid_") if code.startswith("invalid_") else None
        job["error"] = {"code": code, "message": message, "param": param}
    note_end(desk, job, status, message)
    discard(desk, job)


def note_end(desk: Desk, job: Row, status: str, message: str) -> None:
    job |= {"status": status, "finished_at": now(), "estimated_finish": None}
    words = {"succeeded": "The job has successfully completed", "failed": message}
    said = words.get(status, "The job has been cancelled")
    with desk.store.write():
        desk.store.change("job", job)
        add_event(desk, job, said, level="error" if status == "failed" else "info")
        announce(
            desk.store, desk.store.owner("job", job["id"]), f"fine_tuning.job.{status}", job["id"]
        )


def discard(desk: Desk, job: Row) -> None:
    """Stop the trainer and remove what it worked with: the rows are in the owner's file."""
    folder = desk.folder_of_job(job["id"])
    if folder.exists():
        trainer = desk.trainer_of(job)
        trainer.cancel(JOB)
        trainer.stop()
    desk.trainers.pop(job["id"], None)
    shutil.rmtree(folder, ignore_errors=True)


def sweep(desk: Desk) -> None:
    """Remove what a crash left of jobs that had ended."""
    for ended in desk.store.find("job", None):
        if ended["status"] in ENDED:
            discard(desk, ended)
    # A file comes before its row and goes after it, so one without a row is of a request that died.
    for path in (desk.home / "files").glob("*"):
        if desk.store.get("file", None, path.name) is None:
            path.unlink(missing_ok=True)
    for path in (desk.home / "adapters").glob("*"):
        if not _is_kept(desk, path.name):
            shutil.rmtree(path, ignore_errors=True)


def _is_kept(desk: Desk, job_id: str) -> bool:
    """Whether an adapter is a model's, or about to become one."""
    job = desk.store.get("job", None, job_id)
    if job is None or job["status"] not in ENDED:
        return job is not None
    return desk.store.get("model", None, job["fine_tuned_model"] or "") is not None


def pause(desk: Desk, job: Row) -> None:
    """
    Raises:
        ApiError: the job does not run.
    """
    if job["status"] not in OPEN:
        raise invalid(f"The job is {job['status']}, only open jobs can be paused.", param="id")
    if job["status"] == "running":
        desk.trainer_of(job).stop()
        desk.trainers.pop(job["id"], None)
    job |= {"status": "paused", "_paused_from": job["status"], "estimated_finish": None}
    desk.store.change("job", job)
    add_event(desk, job, "The job has been paused")


def resume(desk: Desk, job: Row) -> None:
    """
    Raises:
        ApiError: the job is not paused.
    """
    if job["status"] != "paused":
        raise invalid(f"The job is {job['status']}, not paused.", param="id")
    job["status"] = job.pop("_paused_from")
    desk.store.change("job", job)
    add_event(desk, job, "The job has been resumed")


def delete_model(desk: Desk, owner: str, model_id: str) -> Row:
    """
    Stop serving a tuned model and remove its files.

    Raises:
        ApiError: there is none of this name.
    """
    with desk.turn:
        model = desk.store.get("model", owner, model_id)
        if model is None:
            raise ApiError(
                404,
                f"The model '{model_id}' does not exist.",
                code="model_not_found",
                param="model",
            )
        desk.store.delete("model", "id = ?", (model_id,))
        desk.engine.switch(adapters_of(desk))
        shutil.rmtree((desk.home / model["_gguf"]).parent, ignore_errors=True)
    desk.store.scrub()
    return {"id": model_id, "object": "model", "deleted": True}


def shown(row: Row) -> dict[str, Any]:
    """What the wire shows of a row: fields that begin with an underscore are ours."""
    return {name: value for name, value in row.items() if not name.startswith("_")}
