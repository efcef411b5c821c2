"""
The service's own SQLite file: files, jobs, events, models, webhooks, each with its owner.

Plain SQL, one connection and one lock: the load is a handful of jobs. Every write is committed
when its method returns.
"""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_VERSION = 1
_TABLES = """
CREATE TABLE file (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
  created_at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE job (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
  created_at INTEGER NOT NULL, body TEXT NOT NULL, request_key TEXT, UNIQUE (owner, request_key));
CREATE TABLE event (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
  created_at INTEGER NOT NULL, body TEXT NOT NULL, job_id TEXT NOT NULL, step INTEGER,
  UNIQUE (job_id, step));
CREATE TABLE model (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
  created_at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE endpoint (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
  created_at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE delivery (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
  created_at INTEGER NOT NULL, body TEXT NOT NULL, due_at REAL);
"""


class Store:
    """``body`` holds what the wire shows and a few fields it does not; see the callers."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        for pragma in ("journal_mode=WAL", "secure_delete=ON", "busy_timeout=10000"):
            self._connection.execute(f"PRAGMA {pragma}")
        if self._connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            self._connection.executescript(
                f"BEGIN; {_TABLES} PRAGMA user_version={_VERSION}; COMMIT;"
            )

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction; nested ones belong to the outermost."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def add(self, table: str, owner: str, body: Row, **columns: Any) -> Row:
        """
        Insert one row whose ``body`` has an ``id`` and a ``created_at``.

        Raises:
            sqlite3.IntegrityError: what must be unique is there already.
        """
        values = {
            "id": body["id"],
            "owner": owner,
            "created_at": body["created_at"],
            "body": json.dumps(body, ensure_ascii=False),
            **columns,
        }
        names = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        with self.write():
            self._connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
            )
        return body

    def get(self, table: str, owner: str | None, id_: str) -> Row | None:
        """One body; an owner of None sees everybody's."""
        found = self.find(table, owner, "id = ?", (id_,))
        return found[0] if found else None

    def find(
        self, table: str, owner: str | None, where: str = "1", values: tuple[Any, ...] = ()
    ) -> list[Row]:
        """Bodies in the order they were added; ``where`` is SQL of ours, never of a request."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT body FROM {table} WHERE (? IS NULL OR owner = ?) AND {where} "
                "ORDER BY number",
                (owner, owner, *values),
            ).fetchall()
        return [json.loads(row["body"]) for row in rows]

    def owner(self, table: str, id_: str) -> str:
        with self._lock:
            row = self._connection.execute(f"SELECT owner FROM {table} WHERE id = ?", (id_,))
            return str(row.fetchone()["owner"])

    def change(self, table: str, body: Row, **columns: Any) -> None:
        assignments = "".join(f", {name} = ?" for name in columns)
        with self.write():
            self._connection.execute(
                f"UPDATE {table} SET body = ?{assignments} WHERE id = ?",
                (json.dumps(body, ensure_ascii=False), *columns.values(), body["id"]),
            )

    def delete(self, table: str, where: str, values: tuple[Any, ...]) -> None:
        with self.write():
            self._connection.execute(f"DELETE FROM {table} WHERE {where}", values)

    def scrub(self) -> None:
        """Leave nothing of what was deleted in the file or beside it."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def new_id(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(12)}"


def now() -> int:
    return int(time.time())


def page(rows: list[Row], *, after: str | None, limit: int) -> Row:
    """OpenAI's list: what follows the row ``after``, at most ``limit`` of it."""
    places = {row["id"]: number for number, row in enumerate(rows)}
    rest = rows[places[after] + 1 :] if after in places else [] if after else rows
    shown = rest[:limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(rest) > len(shown),
    }
