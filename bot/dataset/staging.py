"""
Rows that were read and not yet kept: on disk, nameless, gone with the process.

A file may have more rows than fit into memory, and nothing of it may be kept before all of it was
read. SQLite's temporary database has no name in any folder, so even a killed process leaves none.
"""

import pickle
import sqlite3
from collections.abc import Iterator

from bot.dataset.record import Record

_CACHE_KIBIBYTES = 65_536


class Staging:
    """Records by what they say: the same twice is one."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute(
            "CREATE TABLE staged (digest BLOB PRIMARY KEY, place TEXT UNIQUE, record BLOB, "
            "is_placed INTEGER)"
        )
        self._rows.execute("BEGIN")

    def add(self, digest: bytes, record: Record, place: str | None = None) -> bool:
        """Put a record down; False if it, or another from the same place, is there already."""
        # Pickled by this process for itself: the file can be opened by nobody else.
        cursor = self._rows.execute(
            "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?)",
            (digest, place, pickle.dumps(record, pickle.HIGHEST_PROTOCOL), record.is_placed),
        )
        return cursor.rowcount == 1

    def find(self, digest: bytes, place: str | None = None) -> Record | None:
        """The record that says this, or is from this place; None where there is none."""
        found = self._rows.execute(
            "SELECT record FROM staged WHERE digest = ? OR place = ?", (digest, place)
        ).fetchone()
        return pickle.loads(found[0]) if found else None

    def drop(self, digest: bytes, place: str | None = None) -> None:
        """Forget what turned out to be known."""
        self._rows.execute("DELETE FROM staged WHERE digest = ? OR place = ?", (digest, place))

    def __len__(self) -> int:
        count: int = self._rows.execute("SELECT count(*) FROM staged").fetchone()[0]
        return count

    def __iter__(self) -> Iterator[tuple[bytes, Record]]:
        """The records in the order of their rows."""
        for digest, record in self._rows.execute(
            "SELECT digest, record FROM staged ORDER BY rowid"
        ):
            yield digest, pickle.loads(record)

    def placed(self) -> Iterator[tuple[bytes, Record]]:
        """Those that say where in Slack they come from."""
        for digest, record in self._rows.execute(
            "SELECT digest, record FROM staged WHERE is_placed ORDER BY rowid"
        ):
            yield digest, pickle.loads(record)

    def close(self) -> None:
        self._rows.close()
