"""The audit table as a file: CSV for a spreadsheet, JSON lines for a program."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session

from storage import audit
from storage.audience import Viewer
from storage.tables import AuditEntry

COLUMNS = ("at", "actor", "action", "subject", "audience", "details")
#: Entries read at once, so that a long history is never in memory as a whole.
_PAGE = 2000
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(session: Session, team_id: str, viewer: Viewer, path: Path) -> int:
    """Write what the viewer may know of, oldest first; returns how many entries there are."""
    number = 0
    # Excel takes a file without the mark for one of another encoding.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for entry in _entries(session, team_id, viewer):
            writer.writerow(guarded(str(cell)) for cell in _line(entry).values())
            number += 1
    return number


def write_jsonl(session: Session, team_id: str, viewer: Viewer, path: Path) -> int:
    """The same with one JSON object on each line."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for entry in _entries(session, team_id, viewer):
            line = {**_line(entry), "details": entry.details}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            number += 1
    return number


def guarded(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula: an apostrophe makes it text."""
    return f"'{cell}" if cell.startswith(_FORMULA_BEGINNINGS) else cell


def _entries(session: Session, team_id: str, viewer: Viewer) -> Iterator[AuditEntry]:
    last = 0
    while page := audit.entries(session, team_id, viewer, after=last, limit=_PAGE):
        yield from page
        last = page[-1].id or 0
        session.expunge_all()


def _line(entry: AuditEntry) -> dict[str, str]:
    return {
        "at": entry.at.isoformat(timespec="seconds"),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "audience": entry.audience,
        "details": json.dumps(entry.details, sort_keys=True),
    }
