"""``/v1/files``: upload, list, retrieve, content, delete. Each key's owner sees its own."""

import os
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from bot.trainer_service import adapters
from bot.trainer_service.access import DeskOf, Owner, QuotasOf
from bot.trainer_service.desk import OPEN, Desk, shown
from bot.trainer_service.errors import ApiError, invalid, missing
from bot.trainer_service.quotas import check_storage
from bot.trainer_service.store import Row, new_id, now, page

router = APIRouter(prefix="/files", tags=["files"])
PIECE = 1024 * 1024


@router.post("")
def upload(
    desk: DeskOf,
    quotas: QuotasOf,
    owner: Owner,
    file: Annotated[UploadFile, File()],
    purpose: Annotated[str, Form()],
) -> dict[str, Any]:
    """Keep one JSON-lines file."""
    if purpose != "fine-tune":
        raise invalid(f"'{purpose}' is not one of ['fine-tune'].", param="purpose")
    check_storage(desk.store, quotas, owner, file.size or 0)
    row: Row = {
        "id": new_id("file-"),
        "object": "file",
        "bytes": file.size or 0,
        "created_at": now(),
        "filename": os.path.basename(file.filename or "file.jsonl")[:200],
        "purpose": purpose,
        "status": "processed",
    }
    if not row["bytes"]:
        raise invalid("The file is empty.", param="file", code="invalid_file")
    _keep(desk, row["id"], file)
    return desk.store.add("file", owner, row)


@router.get("")
def list_files(
    desk: DeskOf,
    owner: Owner,
    purpose: str | None = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: str = "desc",
) -> dict[str, Any]:
    """List files, the newest first."""
    rows = desk.store.find("file", owner)
    wanted = [row for row in rows if purpose in (None, row["purpose"])]
    return page(wanted if order == "asc" else wanted[::-1], after=after, limit=limit)


@router.get("/{file_id}")
def retrieve(desk: DeskOf, owner: Owner, file_id: str) -> dict[str, Any]:
    if found := adapters.find(desk, owner, file_id):
        return found[0]
    return _known(desk, owner, file_id)


@router.get("/{file_id}/content")
def content(desk: DeskOf, owner: Owner, file_id: str) -> Response:
    found = adapters.find(desk, owner, file_id)
    if found is None:
        _known(desk, owner, file_id)
    path = found[1] if found else desk.path_of_file(file_id)
    return Response(path.read_bytes(), media_type="application/octet-stream")


@router.delete("/{file_id}")
def delete(desk: DeskOf, owner: Owner, file_id: str) -> dict[str, Any]:
    """Delete a file for good, but not from under an open job."""
    with desk.turn:
        _known(desk, owner, file_id)
        for job in desk.store.find("job", owner):
            files = (job["training_file"], job["validation_file"])
            if file_id in files and job["status"] in (*OPEN, "paused"):
                raise ApiError(
                    409, f"The job {job['id']} still needs this file. Cancel it first.", param="id"
                )
        desk.store.delete("file", "id = ?", (file_id,))
        desk.path_of_file(file_id).unlink(missing_ok=True)
    desk.store.scrub()
    return {"id": file_id, "object": "file", "deleted": True}


def _known(desk: Desk, owner: str, file_id: str) -> Row:
    found = desk.store.get("file", owner, file_id)
    if found is None:
        raise missing("File object", file_id)
    return shown(found)


def _keep(desk: Desk, file_id: str, file: UploadFile) -> None:
    """Write the bytes, whole or not at all, before the row that names them."""
    path = desk.path_of_file(file_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as target:
            while piece := file.file.read(PIECE):
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        partial.rename(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ApiError(
            500, f"The file could not be stored: {error.strerror or 'unknown reason'}."
        ) from error
