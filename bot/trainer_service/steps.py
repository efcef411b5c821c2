"""
How the jobs of the service move: ``work`` takes every open job one step.

A job's state is in the store, its training in the trainer's folder; both survive ``kill -9``,
and ``work`` goes on from what it finds. Knows no HTTP.
"""

import logging
import shutil
import time

from bot.engines.client import Message
from bot.engines.errors import EngineDiedError, EngineUnavailableError
from bot.errors import BotError, EngineError, TrainingError
from bot.trainer_service import results
from bot.trainer_service.desk import JOB, OPEN, Desk, adapters_of, add_event, discard, end, note_end
from bot.trainer_service.rows import RowError, read_rows
from bot.trainer_service.store import Row, new_id, now
from bot.training.errors import JobUnknownError
from bot.training.trainer import PARITY_FILE, Adapter, JobState, JobStatus

log = logging.getLogger(__name__)


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
        note_end(desk, job, "succeeded", "")
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


def _why(error: Exception, job_id: str) -> str:
    """What the job's owner is told; a trace is for the log."""
    if isinstance(error, BotError):
        return str(error)
    if isinstance(error, OSError):
        return f"The service could not write its files: {error.strerror or 'unknown reason'}."
    log.exception("Job %s failed unexpectedly", job_id)
    return f"Something went wrong that nobody expected. The service's log says more at {job_id}."
