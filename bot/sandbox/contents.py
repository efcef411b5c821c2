"""The bytes of files, in a SQLite database: the journal's, or one in memory."""

import sqlite3

SCHEMA = "CREATE TABLE IF NOT EXISTS content (file_id TEXT PRIMARY KEY, bytes BLOB NOT NULL)"


class Contents:
    """Bytes by file id."""

    def __init__(self, database: sqlite3.Connection | None = None) -> None:
        self._database = database or sqlite3.connect(
            ":memory:", check_same_thread=False, isolation_level=None
        )
        self._database.execute(SCHEMA)

    def put(self, file_id: str, content: bytes) -> None:
        self._database.execute("INSERT OR REPLACE INTO content VALUES (?, ?)", (file_id, content))

    def get(self, file_id: str) -> bytes | None:
        query = "SELECT bytes FROM content WHERE file_id = ?"
        row = self._database.execute(query, (file_id,)).fetchone()
        return row[0] if row else None

    def has(self, file_id: str) -> bool:
        query = "SELECT 1 FROM content WHERE file_id = ?"
        return self._database.execute(query, (file_id,)).fetchone() is not None

    def remove(self, file_id: str) -> None:
        self._database.execute("DELETE FROM content WHERE file_id = ?", (file_id,))

    def close(self) -> None:
        self._database.close()
