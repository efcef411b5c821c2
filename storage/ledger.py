"""
What was taken back, in a file beside the database: append-only, and outliving any backup of it.

An entry is on disk before the transaction that erases is committed, so whatever was reported as
erased is in it. It holds digests: they recognise what comes back, and name nobody. The database
notes which entries it knows; what a restored one does not know is erased again.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sqlmodel import Session, select

from storage.columns import utc_now
from storage.tables import LedgerEntry

FILE = "erasures.jsonl"
_INFO = "ledger"
_LONGEST_LINE = 4096


class Taken(StrEnum):
    """What was taken back."""

    PERSON = "person"  # everything of somebody who opted out
    MESSAGE = "message"  # deleted in Slack
    EDIT = "edit"  # a message that says something else now
    CHANNEL = "channel"  # turned private
    EXAMPLE = "example"  # is for fewer people now
    WORKSPACE = "workspace"  # uninstalled the app


@dataclass(frozen=True)
class Entry:
    """
    ``team`` and ``what`` are digests. ``at`` is when it was taken back; of a workspace, when it is
    to be gone. ``audience`` is where an example went.
    """

    id: str
    taken: Taken
    team: str
    what: str
    at: datetime
    audience: str = ""

    def line(self) -> str:
        fields = [self.id, self.taken.value, self.team, self.what, self.at.isoformat()]
        return json.dumps([*fields, self.audience], separators=(",", ":"))

    @classmethod
    def of_line(cls, line: str) -> "Entry":
        """
        Raises:
            ValueError: it is no entry.
        """
        name, taken, team, what, at, audience = map(str, json.loads(line))
        moment = datetime.fromisoformat(at)
        if not name or moment.tzinfo is None:
            raise ValueError(line)
        return cls(name, Taken(taken), team, what, moment.astimezone(UTC), audience)


@dataclass(frozen=True)
class Ledger:
    path: Path

    def append(self, entry: Entry) -> None:
        """Returns when the entry is on disk."""
        is_new = not self.path.exists()
        with open(self.path, "ab+", opener=_for_us_alone) as file:
            file.truncate(_end_of_lines(file))
            file.write(entry.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(self.path.parent)

    def write(self, entries: Iterable[Entry]) -> None:
        """Make the file anew: whole, or not at all."""
        partial = self.path.with_name(f"{self.path.name}.partial")
        with open(partial, "wb", opener=_for_us_alone) as file:
            file.writelines(entry.line().encode() + b"\n" for entry in entries)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        _sync_folder(self.path.parent)

    def read(self) -> tuple[list[Entry], int]:
        """
        The entries, oldest first, and how many lines are damaged. A last line without its end is
        not: a crash cut it off before its transaction could be committed.
        """
        if not self.path.exists():
            return [], 0
        entries: dict[str, Entry] = {}
        damaged = 0
        *lines, _cut = self.path.read_bytes().split(b"\n")
        for line in lines:
            try:
                entry = Entry.of_line(line.decode())
            except (ValueError, TypeError):
                damaged += bool(line)
            else:
                entries.setdefault(entry.id, entry)
        return list(entries.values()), damaged


def keep_with(session: Session, ledger: Ledger | None) -> None:
    """Let this session write to the ledger what it erases."""
    session.info[_INFO] = ledger


def note(
    session: Session,
    taken: Taken,
    team_id: str,
    *what: str,
    at: datetime | None = None,
    audience: str = "",
    name: str | None = None,
) -> None:
    """
    Note that something is taken back, before it is.

    Raises:
        OSError: the file cannot be written; nothing is erased then, so nothing is reported.
    """
    entry = Entry(
        id=name or secrets.token_hex(6),
        taken=taken,
        team=digest(team_id),
        what=digest(team_id, *what),
        at=at or utc_now(),
        audience=audience,
    )
    ledger: Ledger | None = session.info.get(_INFO)
    if ledger is not None:
        ledger.append(entry)
    learn(session, [entry])


def taken(session: Session, kind: Taken) -> frozenset[str]:
    """Digests of everything of a kind that was ever taken back here."""
    ledger: Ledger | None = session.info.get(_INFO)
    entries = ledger.read()[0] if ledger is not None else []
    return frozenset(entry.what for entry in entries if entry.taken is kind)


def learn(session: Session, entries: Iterable[Entry]) -> None:
    """Note that this database knows the entries."""
    session.add_all(LedgerEntry(entry=entry.id) for entry in entries)
    session.flush()


def unknown(session: Session, entries: Sequence[Entry]) -> list[Entry]:
    """Those of the entries that this database does not know: it is older than they are."""
    known = set(session.exec(select(LedgerEntry.entry)))
    return [entry for entry in entries if entry.id not in known]


def digest(*names: str) -> str:
    """What recognises a person (team, user), a message (team, channel, ts), and so on."""
    return hashlib.sha256(":".join(["apprentice", *names]).encode()).hexdigest()


def example_name(example_id: int | None, created_at: datetime) -> tuple[str, str]:
    """What an example is known by: its id alone is given to another one after a restore."""
    return str(example_id), created_at.isoformat()


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _end_of_lines(file: BinaryIO) -> int:
    """Where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, end - _LONGEST_LINE))
    return start + file.read().rfind(b"\n") + 1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
