"""
Keeps the workspace in a small SQLite file of its own: messages, reactions, files, channels,
people, homes and events not yet delivered. Open modals, statuses and streams do not outlive a
restart; an unfinished stream comes back closed.

Changes are written together a few milliseconds after the first of them, so a killed sandbox loses
no more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bot.sandbox.changes import Change, ChangeKind
from bot.sandbox.contents import Contents
from bot.sandbox.deliveries import Delivery, DeliveryState, EnvelopeType, StoredDelivery
from bot.sandbox.errors import SandboxError
from bot.sandbox.messages import File, Message
from bot.sandbox.people import Channel, User
from bot.sandbox.views import View
from bot.sandbox.workspace import Workspace

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.005
RETRY_SECONDS = 1.0
SCHEMA = """
    CREATE TABLE IF NOT EXISTS thing (
        kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key)
    ) WITHOUT ROWID
"""
SHAPES: dict[ChangeKind, TypeAdapter[Any]] = {
    ChangeKind.USER: TypeAdapter(User),
    ChangeKind.CHANNEL: TypeAdapter(Channel),
    ChangeKind.MESSAGE: TypeAdapter(Message),
    ChangeKind.EPHEMERAL: TypeAdapter(Message),
    ChangeKind.FILE: TypeAdapter(File),
    ChangeKind.HOME: TypeAdapter(View),
    ChangeKind.DELIVERY: TypeAdapter(StoredDelivery),
}


class HomeInUseError(SandboxError):
    """Raised when another sandbox runs on the same file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Another sandbox is running on {path}: stop it, or choose another --home."
        )


class Journal:
    """Writes what changes in a workspace to `path`, and brings it back."""

    def __init__(self, workspace: Workspace, path: Path) -> None:
        self._workspace = workspace
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # One sandbox per file: a second one would overwrite what this one remembers.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            raise HomeInUseError(path) from None
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(SCHEMA)
        workspace.uploads.keep_in(Contents(self._database))
        self._dirty: dict[tuple[ChangeKind, str], Change] = {}
        self._flush_due = False
        self._timer: asyncio.TimerHandle | None = None

    def load(self) -> None:
        """Bring the workspace back to where it was, then keep track of what changes."""
        for kind, body in self._database.execute("SELECT kind, body FROM thing ORDER BY key"):
            self._restore(ChangeKind(kind), SHAPES[ChangeKind(kind)].validate_json(body))
        self._workspace.deliveries.sort_waiting()
        self._workspace.changes.subscribe(self._note)
        self._workspace.streams.close_all()

    def flush(self) -> None:
        """Write all that changed in one transaction."""
        self._flush_due = False
        if not self._dirty:
            return
        try:
            with self._transaction():
                for (kind, key), change in self._dirty.items():
                    self._write(kind, key, self._thing(change))
        except sqlite3.Error as fault:
            # A full disk is the usual reason; what changed stays noted until there is room.
            logger.warning("The workspace could not be written: %s. Trying again.", fault)
            self._later(RETRY_SECONDS)
            return
        self._dirty.clear()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        self._database.close()

    def _note(self, change: Change) -> None:
        kind = ChangeKind.MESSAGE if change.kind is ChangeKind.MESSAGE_GONE else change.kind
        if kind not in SHAPES:
            return
        # Timestamps are unique in the whole workspace, so they are keys without their channel.
        self._dirty[kind, change.key] = change
        if not self._flush_due:
            self._later()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _later(self, seconds: float = FLUSH_SECONDS) -> None:
        self._flush_due = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Before the server runs there is no loop to wait on.
            self.flush()
        else:
            self._timer = loop.call_later(seconds, self.flush)

    def _write(self, kind: ChangeKind, key: str, thing: object | None) -> None:
        if thing is None:
            query = "DELETE FROM thing WHERE kind = ? AND key = ?"
            self._database.execute(query, (kind, key))
        else:
            body = SHAPES[kind].dump_json(thing)
            query = "INSERT OR REPLACE INTO thing VALUES (?, ?, ?)"
            self._database.execute(query, (kind, key, body))

    def _thing(self, change: Change) -> object | None:
        """Return what a change is about as it is now; None if it is gone."""
        workspace, key = self._workspace, change.key
        match change.kind:
            case ChangeKind.USER:
                return workspace.users.get(key)
            case ChangeKind.CHANNEL:
                return workspace.channels.get(key)
            case ChangeKind.EPHEMERAL:
                return next((e for e in workspace.ephemerals if e.ts == key), None)
            case ChangeKind.FILE:
                return workspace.files.get(key)
            case ChangeKind.HOME:
                return workspace.homes.get(key)
            case ChangeKind.DELIVERY:
                return stored(workspace.deliveries.all.get(key))
        return workspace.messages[change.channel or ""].get(key)

    def _restore(self, kind: ChangeKind, thing: Any) -> None:
        workspace = self._workspace
        match kind:
            case ChangeKind.USER:
                workspace.users[thing.id] = thing
            case ChangeKind.CHANNEL:
                workspace.channels[thing.id] = thing
                workspace.messages.setdefault(thing.id, {})
            case ChangeKind.MESSAGE:
                workspace.messages.setdefault(thing.channel, {})[thing.ts] = thing
                workspace.clock.has_seen(thing.ts)
            case ChangeKind.EPHEMERAL:
                workspace.ephemerals.append(thing)
                workspace.clock.has_seen(thing.ts)
            case ChangeKind.FILE:
                workspace.files[thing.id] = thing
            case ChangeKind.HOME:
                workspace.homes[thing.user] = thing
            case ChangeKind.DELIVERY:
                workspace.deliveries.restore(thing)


def stored(delivery: Delivery | None) -> StoredDelivery | None:
    """Return what is kept of a delivery: only events, and only until they are done."""
    if delivery is None or delivery.type is not EnvelopeType.EVENTS:
        return None
    if delivery.state in (DeliveryState.ACKNOWLEDGED, DeliveryState.FAILED):
        return None
    return StoredDelivery(delivery.envelope_id, delivery.event_type, delivery.payload,
                          delivery.created_at, delivery.event_id, delivery.sent_at)  # fmt: skip
