"""Opening the database and handing out transactions. No query lives here."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, ExecutionContext, make_url
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from bot.errors import DatabaseInUseError
from storage.ledger import Ledger, keep_with
from storage.team_text import Redact, guard
from storage.turn import Turn

#: How long a writer waits for another writer before SQLite gives up, in milliseconds.
BUSY_TIMEOUT_MS = 10_000

_CHANGED = "changed tables"
_SYNCHRONOUS = "synchronous"
_FULL_TEXT = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%USING fts5%'"


class Database:
    """
    Two kinds of transaction over one engine.

    ``write()`` takes SQLite's write lock at once: a transaction that reads first and writes
    later could otherwise fail half way with "database is locked". It commits on leaving and
    rolls back on an error; query functions never commit. ``read()`` sees one consistent state
    and holds nobody up. ``redact`` is what every text of people passes before it is written;
    ``ledger`` learns of what is erased before it is.
    """

    def __init__(
        self, url: str, redact: Redact | None = None, ledger: Ledger | None = None
    ) -> None:
        self.url = make_url(url)
        self._engine = _create_engine(self.url)
        self._writer = self._engine.execution_options(apprentice_begin="IMMEDIATE")
        self._quick_writer = self._writer.execution_options(apprentice_synchronous="NORMAL")
        self._turn = Turn()
        self._alarms: list[tuple[frozenset[str], threading.Event]] = []
        self._redact = redact
        self._ledger = ledger

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session:
            keep_with(session, self._ledger)
            begin(session.connection())
            yield session

    @contextmanager
    def write(self, *, urgent: bool = False, redoable: bool = False) -> Iterator[Session]:
        """
        ``urgent`` is for listeners, which Slack waits for. ``redoable`` is for what is worked out
        again from rows that are on disk: it waits for no disk of its own, and a power cut (never a
        crash) may undo it until the next other transaction is committed.
        """
        with (
            self._turn.held(urgent=urgent),
            Session(
                self._quick_writer if redoable else self._writer, expire_on_commit=False
            ) as session,
        ):
            guard(session, self._redact)
            keep_with(session, self._ledger)
            with session.begin():
                connection = session.connection()
                begin(connection)
                changed = connection.info[_CHANGED] = set()
                yield session
                session.flush()
            if changed:
                self.wake(*changed)

    def alarm(self, *tables: str) -> threading.Event:
        """
        An event that is set when a transaction of this process changed one of the tables, or,
        without any named, anything.

        A worker clears it, looks for work, and waits for it only if it found none, so a row
        committed in between wakes it at once. A transaction that found nothing to do sets none,
        else idle workers would keep each other awake.
        """
        alarm = threading.Event()
        self._alarms.append((frozenset(tables), alarm))
        return alarm

    def wake(self, *tables: str) -> None:
        """Wake who waits for these tables, as a change of them does."""
        for watched, alarm in self._alarms:
            if not watched or not watched.isdisjoint(tables):
                alarm.set()

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def path(self) -> Path | None:
        """Where the SQLite file lies; None for other databases and for ``:memory:``."""
        return _sqlite_path(self.url)

    def scrub(self) -> bool:
        """
        Write the file anew without anything that was deleted, and empty the log beside it.

        Free pages are zeroed as it is; what this removes are stale copies in pages that were
        rebalanced, and words in the full-text index of which only a deletion is noted. Returns
        False where a reader kept the log from being emptied; it is then overwritten later.
        """
        if self.path is None:
            return True
        with self._turn.held(), closing(sqlite3.connect(self.path, isolation_level=None)) as raw:
            raw.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            raw.execute("PRAGMA secure_delete = ON")
            for (index,) in raw.execute(_FULL_TEXT).fetchall():
                raw.execute(f"INSERT INTO {index}({index}) VALUES ('optimize')")
            raw.execute("VACUUM")
            return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def hold(self) -> FileLock:
        """
        Take the database for this process; released when the lock is or the process ends.

        Two bots on one SQLite file would both work the same rows.

        Raises:
            DatabaseInUseError: another process holds it.
        """
        path = self.path
        lock = FileLock(f"{path}.lock" if path else f"{self.url.database}.lock")
        if path is None:
            return lock
        try:
            lock.acquire(timeout=0)
        except Timeout as timeout:
            raise DatabaseInUseError(str(path)) from timeout
        return lock

    def close(self) -> None:
        self._engine.dispose()


def _sqlite_path(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def _create_engine(url: URL) -> Engine:
    if path := _sqlite_path(url):
        path.parent.mkdir(parents=True, exist_ok=True)
    # An error would otherwise show what was to be written, in the log.
    engine = sa.create_engine(url, hide_parameters=True)
    # Not by listening to what the engine does: every statement would ask for listeners four times.
    engine.dialect.execution_ctx_cls = _noting(engine.dialect.execution_ctx_cls)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_connection)
    return engine


def _prepare_connection(
    connection: sa.engine.interfaces.DBAPIConnection, _: ConnectionPoolEntry
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # Deleted text is overwritten with zeros rather than left in free pages.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _noting(context: type[ExecutionContext]) -> type[ExecutionContext]:
    """The context of a dialect's statements, which besides notes what tables they changed."""

    class Noting(context):  # type: ignore[misc, valid-type]  # each dialect has a class of its own
        def post_exec(self) -> None:
            super().post_exec()
            is_change = self.isinsert or self.isupdate or self.isdelete
            if is_change and self.cursor.rowcount != 0:
                changed = self.root_connection.info.setdefault(_CHANGED, set())
                changed.add(self.invoked_statement.table.name)

    return Noting


def begin(connection: Connection) -> None:
    """
    Open a transaction on SQLite; the driver's own BEGIN comes too late for SELECT, other databases
    need none.
    """
    if connection.dialect.name != "sqlite":
        return
    options = connection.get_execution_options()
    # Not through SQLAlchemy, which takes ten times as long for what has no values and no rows.
    raw: Any = connection.connection.driver_connection
    # FULL: what Slack was told we have must survive a power cut, not only a crash.
    synchronous = options.get("apprentice_synchronous", "FULL")
    if connection.info.get(_SYNCHRONOUS) != synchronous:
        raw.execute(f"PRAGMA synchronous = {synchronous}")
        connection.info[_SYNCHRONOUS] = synchronous
    raw.execute(f"BEGIN {options.get('apprentice_begin', 'DEFERRED')}")
