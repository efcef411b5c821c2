"""
The adapter of a finished job as files to download, named in its checkpoint.

They are the model's own files: who deletes the model deletes them.
"""

import re
from pathlib import Path

from bot.engines.adapter_files import HANDED_OUT
from bot.trainer_service.desk import Desk
from bot.trainer_service.store import Row

_ID = re.compile(r"file-(\w+)-adapter-(\d)")


def ids_of(desk: Desk, job: Row) -> list[str]:
    """The files' ids, of those that are there."""
    folder, key = desk.path_of_adapter(job["id"]), job["id"].removeprefix("ftjob-")
    return [
        f"file-{key}-adapter-{number}"
        for number, name in enumerate(HANDED_OUT)
        if (folder / name).is_file()
    ]


def find(desk: Desk, owner: str, file_id: str) -> tuple[Row, Path] | None:
    """What the wire shows of one of these files, and where it is; None where it is not one."""
    parts = _ID.fullmatch(file_id)
    job = desk.store.get("job", owner, f"ftjob-{parts[1]}") if parts else None
    if parts is None or job is None or file_id not in ids_of(desk, job):
        return None
    name = HANDED_OUT[int(parts[2])]
    path = desk.path_of_adapter(job["id"]) / name
    row: Row = {
        "id": file_id,
        "object": "file",
        "bytes": path.stat().st_size,
        "created_at": job["finished_at"],
        "filename": name,
        "purpose": "fine-tune-results",
        "status": "processed",
    }
    return row, path
