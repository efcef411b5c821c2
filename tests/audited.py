"""
Sees that whatever changes an example, a setting, a right or a model is in the audit.

Every transaction that our own code opens in a test's process is looked at when it is committed.
What a test writes itself is its own affair. Every table is in one of two lists, every column that
may change without anybody deciding anything is named: a new one has to be thought about.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlmodel import Session

from storage.database import Database

ROOT = Path(__file__).parents[1]
OURS = tuple(str(ROOT / folder) for folder in ("bot", "handlers", "storage"))
_INFO = "audited"


@dataclass(frozen=True)
class Watched:
    """
    ``told_by`` are the kinds of actions that tell of a change, ``quiet`` the columns that change
    without one, ``made`` and ``removed`` whether rows that come and go are to be told of.
    """

    told_by: str
    quiet: str = ""
    made: bool = True
    removed: bool = True


_OF_EXAMPLES = "example examples vote review"
WATCHED = {
    "example": Watched(_OF_EXAMPLES, "updated_at"),
    "wording": Watched(_OF_EXAMPLES),
    # The time of an event that changed nothing is noted, so that no older one does.
    "vote": Watched(_OF_EXAMPLES, "order_key"),
    "near_duplicate": Watched("review", "similarity kind", made=False, removed=False),
    "review_action": Watched("review"),
    "curation_rules": Watched("settings", "changed_at"),
    "setting": Watched("settings"),
    "attestation": Watched("right"),
    "opt_out": Watched("person"),
    "schedule": Watched("schedule", "next_at last_at last_outcome"),
    "snapshot": Watched("snapshot", made=False),
    "run": Watched(
        "run",
        "state base_model hyperparameters snapshot_id job_id progress record rights can_pause "
        "paused_at estimate training_at training_seconds cost attempts error started_at ended_at "
        "not_before",
    ),
    "model_version": Watched("version canary", "serve_until"),
    "promotion": Watched("version"),
    "evaluation": Watched("version", "pictures evidence"),
    "canary": Watched("canary"),
    "pin": Watched("channel"),
    "deployment": Watched("deployment", "problem looked_at doubted_at used_at not_before"),
}
UNWATCHED = {
    "audit_entry": "is the audit",
    "revision": "what an example said; that it changed is told of the example",
    "example_message": "whose words an example holds; goes with the example",
    "example_vector": "worked out of the example's words",
    "snapshot_row": "never changes; an erased one is told of its example",
    "evaluation_answer": "an answer given while a version was judged; the verdict is told",
    "run_metric": "what a job reports",
    "probe_result": "what a model said to a probe; the verdict is told",
    "question": "what somebody asked the bot",
    "unanswered": "what the bot could not answer; to dismiss one is a decision of review",
    "unanswered_ask": "who asked it",
    "feedback": "an opinion of an answer; what the bot does about it is told",
    "blind_vote": "an opinion of an answer; what follows from it is told",
    "inbox": "what Slack said",
    "outbox": "what is said in Slack",
    "admin_notice": "whom to tell",
    "contributor_notice": "whom to tell",
    "told_author": "who was told",
    "sunset": "what providers announce",
    "erasure": "how far an erasure is; that it was asked for and done is told",
    "ledger_entry": "which erasures are known; each is told as it is carried out",
}
#: Acts on everything of a person or a workspace at once, and says so.
_WHOLE = frozenset({"person", "workspace"})
#: Who opens transactions in which nobody decides anything.
NOBODY = {
    "bot/demo/seeding.py": "made-up people of a demo that begins",
    "bot/pipeline/refusals.py": "counts webhooks that were refused; admins are told",
}
#: Settings that are marks of our own, by key.
_MARKS = frozenset({"purging_audit", "demo_seeded"})


@dataclass
class Transaction:
    """What one transaction changed, as ``table`` and the id of the example where it is one."""

    changes: list[tuple[str, str, int | None]] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)

    def untold(self) -> list[str]:
        kinds = {entry["action"].partition(".")[0] for entry in self.told}
        if kinds & _WHOLE:
            return []
        subjects = {entry["subject"] for entry in self.told}
        others = {entry["details"].get("other") for entry in self.told}
        missed = []
        for table, what, example_id in self.changes:
            is_told = bool(kinds & set(WATCHED[table].told_by.split()))
            if is_told and example_id is not None and "examples" not in kinds:
                is_told = f"example:{example_id}" in subjects or example_id in others
            if not is_told:
                missed.append(f"{what}, told: {sorted(entry['action'] for entry in self.told)}")
        return missed


#: What our code committed without telling; whoever looks empties it.
missed: list[str] = []
#: Whether what tests commit themselves is looked at as well, and whether nothing is.
_strict: list[bool] = []
_off: list[bool] = []


@contextmanager
def deed(database: Database) -> Iterator[Session]:
    """A transaction of a test in which nothing is done but by our verbs."""
    _strict.append(True)
    try:
        with database.write() as session:
            yield session
    finally:
        _strict.pop()


@contextmanager
def looking_away() -> Iterator[None]:
    """For who measures memory: what is looked at is remembered until it is committed."""
    _off.append(True)
    try:
        yield
    finally:
        _off.pop()


def watch() -> None:
    """From now on, for all databases of this process."""
    event.listen(Engine, "after_cursor_execute", _note)
    event.listen(Engine, "commit", _judge)
    event.listen(Engine, "rollback", _forget)


def _note(
    connection: Connection, cursor: Any, _sql: str, _values: Any,
    context: DefaultExecutionContext, _many: bool,
) -> None:  # fmt: skip
    is_change = context.isinsert or context.isupdate or context.isdelete
    if not is_change or not cursor.rowcount or _off:
        return
    statement: Any = context.invoked_statement
    table = statement.table.name
    if table == "audit_entry" and context.isinsert:
        _of(connection).told.extend(context.compiled_parameters)
    elif table == "audit_entry" and context.isdelete:
        # A workspace that leaves takes along what is on record of it.
        _of(connection).told.append({"action": "workspace.gone", "subject": "", "details": {}})
    elif table in WATCHED:
        for parameters in context.compiled_parameters:
            if what := _change(table, context, parameters):
                change = (table, what, _example_of(table, context, parameters))
                _of(connection).changes.append(change)


def _change(table: str, context: Any, parameters: Mapping[str, Any]) -> str | None:
    """The change in words, None where nobody has to be told."""
    rule = WATCHED[table]
    if parameters.get("key") in _MARKS:
        return None
    if context.isinsert:
        return f"{table} made" if rule.made else None
    if context.isdelete:
        return f"{table} removed" if rule.removed else None
    columns = {column.name for column in context.compiled.statement.table.columns}
    set_clause = context.statement.partition(" SET ")[2].partition(" WHERE ")[0]
    changed = {part.partition("=")[0].strip() for part in set_clause.split(", ")} & columns
    loud = changed - set(rule.quiet.split())
    return f"{table} changed: {', '.join(sorted(loud))}" if loud else None


def _example_of(table: str, context: Any, parameters: Mapping[str, Any]) -> int | None:
    """The example a change is about, where its statement says it."""
    if table == "example":
        # So SQLAlchemy names the primary key of the row that it changes.
        return parameters.get("example_id") if context.isupdate else None
    return parameters.get("example_id") if table in ("wording", "vote") else None


def _judge(connection: Connection) -> None:
    done: Transaction | None = connection.info.pop(_INFO, None)
    opened = _opener()
    if done is None or not (_strict or opened.startswith(OURS)):
        return
    where = opened.removeprefix(f"{ROOT}/")
    if where.partition(":")[0] not in NOBODY:
        missed.extend(f"{where}: {what}" for what in done.untold())


def _forget(connection: Connection) -> None:
    connection.info.pop(_INFO, None)


def _of(connection: Connection) -> Transaction:
    found: Transaction = connection.info.setdefault(_INFO, Transaction())
    return found


def _opener() -> str:
    """The file and line whose ``with database.write()`` ends here."""
    frame = sys._getframe(1)
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        is_between = file == __file__ or name == "write" or file.startswith("<")
        if not is_between and "site-packages" not in file and "contextlib" not in file:
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
