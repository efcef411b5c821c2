"""``/v1/fine_tuning/jobs``: create, list, retrieve, cancel, pause, resume, events, checkpoints."""

import random
import sqlite3
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request

from bot.trainer_service import adapters, results
from bot.trainer_service import desk as jobs
from bot.trainer_service.access import DeskOf, Owner, QuotasOf
from bot.trainer_service.desk import Desk, shown
from bot.trainer_service.errors import ApiError, invalid, missing
from bot.trainer_service.quotas import check_jobs
from bot.trainer_service.store import Row, new_id, now, page
from bot.trainer_service.wire import JobRequest

router = APIRouter(prefix="/fine_tuning/jobs", tags=["fine-tuning"])
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.post("")
def create(
    desk: DeskOf,
    quotas: QuotasOf,
    owner: Owner,
    wanted: JobRequest,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> dict[str, Any]:
    """
    Create a job. Who repeats a request with the same ``Idempotency-Key`` gets the first job.
    """
    with desk.turn:
        if idempotency_key and (found := _of_request(desk, owner, idempotency_key)):
            return shown(found)
        check_jobs(desk.store, quotas, owner)
        _check_names(desk, owner, wanted)
        job = _new_job(owner, wanted)
        try:
            with desk.store.write():
                desk.store.add("job", owner, job, request_key=idempotency_key)
                jobs.add_event(desk, job, f"Created fine-tuning job: {job['id']}")
                said = f"Validating training file: {job['training_file']}"
                jobs.add_event(desk, job, said)
        except sqlite3.IntegrityError:
            raise ApiError(409, "This request is being answered already.") from None
    return shown(job)


@router.get("")
def list_jobs(
    request: Request, desk: DeskOf, owner: Owner, after: str | None = None, limit: Limit = 20
) -> dict[str, Any]:
    """List jobs, the newest first; ``metadata[key]=value`` filters, ``metadata=null`` too."""
    rows = [row for row in desk.store.find("job", owner)[::-1] if _has_metadata(request, row)]
    return page([shown(row) for row in rows], after=after, limit=limit)


@router.get("/{job_id}")
def retrieve(desk: DeskOf, owner: Owner, job_id: str) -> dict[str, Any]:
    return shown(_known(desk, owner, job_id))


@router.post("/{job_id}/cancel")
def cancel(desk: DeskOf, owner: Owner, job_id: str) -> dict[str, Any]:
    """End a job; its training stops at once and nothing of it is kept."""
    with desk.turn:
        job = _known(desk, owner, job_id)
        if job["status"] in jobs.ENDED:
            raise invalid(f"Job has already completed: it is {job['status']}.", param="id")
        jobs.end(desk, job, "cancelled")
    return shown(job)


@router.post("/{job_id}/pause")
def pause(desk: DeskOf, owner: Owner, job_id: str) -> dict[str, Any]:
    """Let the training rest; it goes on from its last checkpoint."""
    with desk.turn:
        job = _known(desk, owner, job_id)
        jobs.pause(desk, job)
    return shown(job)


@router.post("/{job_id}/resume")
def resume(desk: DeskOf, owner: Owner, job_id: str) -> dict[str, Any]:
    with desk.turn:
        job = _known(desk, owner, job_id)
        jobs.resume(desk, job)
    return shown(job)


@router.get("/{job_id}/events")
def events(
    desk: DeskOf, owner: Owner, job_id: str, after: str | None = None, limit: Limit = 20
) -> dict[str, Any]:
    """List a job's events, the newest first."""
    _known(desk, owner, job_id)
    rows = desk.store.find("event", owner, "job_id = ?", (job_id,))
    return page(rows[::-1], after=after, limit=limit)


@router.get("/{job_id}/checkpoints")
def checkpoints(
    desk: DeskOf, owner: Owner, job_id: str, after: str | None = None, limit: Limit = 10
) -> dict[str, Any]:
    """List a job's checkpoints: the last step's, once it has succeeded."""
    job = _known(desk, owner, job_id)
    steps = desk.store.find("event", owner, "job_id = ? AND step IS NOT NULL", (job_id,))
    last = steps[-1]["data"] if steps else None
    files = adapters.ids_of(desk, job)
    return page(results.checkpoints_of(job, last, files), after=after, limit=limit)


def _known(desk: Desk, owner: str, job_id: str) -> Row:
    found = desk.store.get("job", owner, job_id)
    if found is None:
        raise missing("Fine-tuning job", job_id)
    return found


def _of_request(desk: Desk, owner: str, key: str) -> Row | None:
    found = desk.store.find("job", owner, "request_key = ?", (key,))
    return found[0] if found else None


def _check_names(desk: Desk, owner: str, wanted: JobRequest) -> None:
    for param in ("training_file", "validation_file"):
        file_id = getattr(wanted, param)
        if file_id is None:
            continue
        file = desk.store.get("file", owner, file_id)
        if file is None or file["purpose"] != "fine-tune":
            raise invalid(
                f"invalid {param}: {file_id} does not exist.", param=param, code="file_not_found"
            )
    if wanted.model != desk.base.name:
        raise invalid(
            f"Model {wanted.model} is not available for fine-tuning here; {desk.base.name} is.",
            param="model",
            code="model_not_available",
        )


def _new_job(owner: str, wanted: JobRequest) -> Row:
    hyperparameters = wanted.wanted.model_dump()
    return {
        "id": new_id("ftjob-"),
        "object": "fine_tuning.job",
        "created_at": now(),
        "finished_at": None,
        "model": wanted.model,
        "fine_tuned_model": None,
        "organization_id": owner,
        "status": "validating_files",
        "training_file": wanted.training_file,
        "validation_file": wanted.validation_file,
        "hyperparameters": hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "result_files": [],
        "trained_tokens": None,
        "estimated_finish": None,
        "error": None,
        "integrations": [],
        "metadata": wanted.metadata,
        "seed": random.randrange(2**31) if wanted.seed is None else wanted.seed,
        "_suffix": wanted.suffix,
        "_asked": hyperparameters,
    }


def _has_metadata(request: Request, row: Row) -> bool:
    """Whether the row has all that the query's ``metadata[key]=value`` asks for."""
    have = row["metadata"] or {}
    for name, value in request.query_params.multi_items():
        if name == "metadata" and value == "null" and row["metadata"]:
            return False
        if name.startswith("metadata[") and have.get(name[9:-1]) != value:
            return False
    return True
