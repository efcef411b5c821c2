"""
The jobs of the service and how they move: ``work`` takes every open job one step.

A job's state is in the store, its training in the trainer's folder; both survive ``kill -9``,
and ``work`` goes on from what it finds. Knows no HTTP.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.engines.errors import EngineDiedError, EngineUnavailableError
from bot.engines.model_place import AdapterEngine
from bot.errors import BotError, EngineError, TrainingError
from bot.trainer_service import results
from bot.trainer_service.errors import ApiError, invalid
from bot.trainer_service.rows import RowError, read_rows
from bot.trainer_service.store import Row, Store, new_id, now
from bot.trainer_service.webhooks import announce
from bot.training.errors import JobUnknownError
from bot.training.hyperparameters import Hyperparameters
from bot.training.trainer import PARITY_FILE, Adapter, JobState, JobStatus, Trainer

log = logging.getLogger(__name__)

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


def work(desk: Desk) -> bool:
    """Take every open job one step; False if nothing but waiting is left to do."""
    moved = False
    places = ", ".join("?" for _ in OPEN)
    jobs = desk.store.find("job", None, f"json_extract(body, '$.status') IN ({places})", OPEN)
    for listed in jobs:
        with desk.turn:
            job = desk.store.get("job", None, listed["id"])
            if job is None or job["status"] != listed["status"]:
                continue
            steps = {"validating_files": _validate, "queued": _start, "running": _follow}
            try:
                moved = steps[job["status"]](desk, job) or moved
            except RowError as error:
                end(desk, job, "failed", code=f"invalid_{error.param}", message=str(error))
            except (EngineUnavailableError, EngineDiedError) as error:
                # It is being replaced, which takes seconds; the job is where it was.
                log.warning("Job %s waits for the engine: %s", job["id"], error)
            except Exception as error:  # noqa: BLE001 - else no job behind this one would move
                message = _why(error, job["id"])
                end(desk, job, "failed", code="server_error", message=message)
    return moved


def end(desk: Desk, job: Row, status: str, *, code: str = "", message: str = "") -> None:
    """Put a job into one of its last states, and stop its training."""
    if code:
        param = code.removeprefix("invalid_") if code.startswith("invalid_") else None
        job["error"] = {"code": code, "message": message, "param": param}
    _note_end(desk, job, status, message)
    discard(desk, job)


def _note_end(desk: Desk, job: Row, status: str, message: str) -> None:
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


def _validate(desk: Desk, job: Row) -> bool:
    """Read all rows and count their tokens before anybody waits for a training."""
    rows = _rows(desk, job, "training_file")
    lines = {line for line, _ in rows}
    if len(lines) < desk.fewest_rows:
        raise RowError(len(lines) + 1, f"the file ends; {desk.fewest_rows} rows are needed.")
    tokens = 0
    for line, chat in rows:
        count = desk.engine.count_tokens(chat)
        if count > desk.context_tokens:
            raise RowError(line, f"it has {count} tokens, {desk.context_tokens} fit the model.")
        tokens += count
    if job["validation_file"]:
        _rows(desk, job, "validation_file")
    job |= {"status": "queued", "_tokens": tokens, "_rows": len(rows)}
    with desk.store.write():
        desk.store.change("job", job)
        add_event(desk, job, "Files validated, moving job to queued state")
    desk.checkpoint("rows validated")
    return True


def _start(desk: Desk, job: Row) -> bool:
    """Start the oldest queued job, if none is running: two would only slow each other down."""
    running = desk.store.find("job", None, "json_extract(body, '$.status') = 'running'")
    if running:
        return False
    chats = [chat for _, chat in _rows(desk, job, "training_file")]
    held_out = _rows(desk, job, "validation_file") if job["validation_file"] else []
    validation = [chat for _, chat in held_out]
    desk.trainer_of(job).start(JOB, chats, desk.base, validation=validation)
    desk.checkpoint("training started")
    job["status"] = "running"
    with desk.store.write():
        desk.store.change("job", job)
        add_event(desk, job, "Fine-tuning job started")
    desk.checkpoint("start noted")
    return True


def _follow(desk: Desk, job: Row) -> bool:
    if desk.path_of_adapter(job["id"]).exists():
        # A crash fell between moving the adapter and noting it.
        return _finish(desk, job)
    trainer = desk.trainer_of(job)
    try:
        status = trainer.status(JOB)
    except JobUnknownError:
        # A crash fell between noting the start and the trainer's first file.
        job["status"] = "queued"
        desk.store.change("job", job)
        return True
    _report(desk, job, status)
    if status.state == JobState.SUCCEEDED:
        adapter = trainer.result(JOB)
        assert isinstance(adapter, Adapter), "the service trains on this machine"
        desk.checkpoint("training finished")
        _keep(desk, job, adapter)
        desk.checkpoint("adapter moved")
        return _finish(desk, job)
    if status.state == JobState.FAILED:
        raise TrainingError(status.error or "The training failed without a reason.")
    if status.state == JobState.CANCELLED:
        end(desk, job, "cancelled")
    return False


def _report(desk: Desk, job: Row, status: JobStatus) -> None:
    done = job.get("_steps", 0)
    new = [metric for metric in status.metrics if metric.step > done]
    if not new:
        return
    with desk.store.write():
        for metric in new:
            metrics = results.metrics_of(metric, status.total_steps)
            add_event(desk, job, results.step_words(metrics), metrics=metrics)
        if status.seconds_left is not None:
            job["estimated_finish"] = int(time.time() + status.seconds_left)
        planned = max(job.get("_planned_steps") or 0, status.total_steps or 0)
        job |= {"_steps": new[-1].step, "_planned_steps": planned}
        desk.store.change("job", job)


def _keep(desk: Desk, job: Row, adapter: Adapter) -> None:
    """Move the adapter out of the folder that will go."""
    target = desk.path_of_adapter(job["id"])
    target.parent.mkdir(parents=True, exist_ok=True)
    job["_gguf"] = str(adapter.gguf_path.relative_to(adapter.folder))
    desk.store.change("job", job)
    adapter.folder.rename(target)


def _finish(desk: Desk, job: Row) -> bool:
    """Serve the model, then say that it is there."""
    results.resolve(job)
    model = results.model_of(job, desk.base.name, desk.store.owner("job", job["id"]))
    model["_gguf"] = f"adapters/{job['id']}/{job['_gguf']}"
    wanted = adapters_of(desk) | {model["id"]: desk.home / model["_gguf"]}
    try:
        desk.engine.switch(wanted)
    except EngineError:
        shutil.rmtree(desk.path_of_adapter(job["id"]), ignore_errors=True)
        raise
    desk.checkpoint("model served")
    owner = desk.store.owner("job", job["id"])
    with desk.store.write():
        desk.store.add("model", owner, model)
        job["fine_tuned_model"] = model["id"]
        job["result_files"] = [file["id"] for file in _result_files(desk, job, owner)]
        _note_end(desk, job, "succeeded", "")
    desk.checkpoint("success noted")
    discard(desk, job)
    return True


def _result_files(desk: Desk, job: Row, owner: str) -> list[Row]:
    """The curve, as OpenAI has it; and which tokens were trained, which OpenAI does not say."""
    steps = desk.store.find("event", owner, "job_id = ? AND step IS NOT NULL", (job["id"],))
    curve = results.csv_of([step["data"] for step in steps])
    files = [_result_file(desk, owner, "step_metrics.csv", curve)]
    seen = desk.path_of_adapter(job["id"]) / PARITY_FILE
    if seen.is_file():
        files.append(_result_file(desk, owner, seen.name, seen.read_bytes()))
    return files


def _result_file(desk: Desk, owner: str, name: str, content: bytes) -> Row:
    file: Row = {
        "id": new_id("file-"),
        "object": "file",
        "bytes": len(content),
        "created_at": now(),
        "filename": name,
        "purpose": "fine-tune-results",
        "status": "processed",
    }
    path = desk.path_of_file(file["id"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return desk.store.add("file", owner, file)


def _rows(desk: Desk, job: Row, which: str) -> list[tuple[int, list[Message]]]:
    try:
        return _read(desk, job[which])
    except RowError as error:
        error.param = which
        raise


def _read(desk: Desk, file_id: str) -> list[tuple[int, list[Message]]]:
    path = desk.path_of_file(file_id)
    if not path.exists():
        raise RowError(1, f"the file {file_id} was deleted before the job began.")
    return read_rows(path)


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


def _why(error: Exception, job_id: str) -> str:
    """What the job's owner is told; a trace is for the log."""
    if isinstance(error, BotError):
        return str(error)
    if isinstance(error, OSError):
        return f"The service could not write its files: {error.strerror or 'unknown reason'}."
    log.exception("Job %s failed unexpectedly", job_id)
    return f"Something went wrong that nobody expected. The service's log says more at {job_id}."
