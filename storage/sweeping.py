"""
Taking a person's id, a workspace, or delivered texts out of every table there is.

Works on the tables as they are declared, so that a table added later is swept as well.
Queries never commit.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.sqltypes import Enum as EnumType
from sqlmodel import Session, SQLModel, col, delete, select

from storage import audit
from storage.tables import (
    AdminNotice,
    Erasure,
    InboxState,
    OutboxMessage,
    OutboxState,
    QuestionState,
    Run,
)

#: Tables that keep a person's id. The audit table replaces it in its own way; who attested the
#: right to train, and whom an admin made curator, is the organisation's record, not the person's.
#: Snapshots never change: a row that names somebody is erased (``storage.lineage``).
_KEPT = frozenset(
    {
        "audit_entry", "attestation", "curation_rules", "opt_out", "told_author", "erasure",
        "snapshot", "snapshot_row",
    }
)  # fmt: skip
#: Columns that are part of that record.
_KEPT_COLUMNS = frozenset({("run", "rights")})
#: Rows that somebody still works on need their ids; they are swept when they have ended.
_UNDER_WORK = {
    "inbox": (InboxState.NEW.value, InboxState.WORKING.value),
    "outbox": (OutboxState.PENDING.value, OutboxState.POSTING.value),
    "question": (QuestionState.QUEUED.value, QuestionState.ANSWERING.value),
}
#: How Slack names people; with the same edges as where an id is replaced.
_PERSON = re.compile(r"(?<![A-Za-z0-9])[UW][A-Z0-9]{2,}(?![A-Za-z0-9])")
_ENDED = (OutboxState.SENT, OutboxState.FAILED)


def replace_person(session: Session, team_id: str, user_id: str, pseudonym: str) -> int:
    """Put a pseudonym wherever the id stands; returns how many rows changed."""
    session.flush()
    audit.pseudonymise(session, team_id, user_id, pseudonym)
    whole = re.compile(rf"(?<![A-Za-z0-9]){re.escape(user_id)}(?![A-Za-z0-9])")
    changed = 0
    for table in _tables():
        if table.name not in _KEPT:
            changed += _replace_in(session, table, team_id, user_id, whole, pseudonym)
    session.expire_all()
    return changed


def blank_delivered(session: Session, team_id: str) -> None:
    """
    Blank the texts of messages that have gone out: they quote examples, and Slack has them.

    Of what admins were told, that is left whose message changes with its run or its deployment.
    """
    session.flush()
    session.connection().execute(
        sa.update(AdminNotice)
        .where(
            col(AdminNotice.team_id) == team_id,
            col(AdminNotice.told_at).is_not(None),
            col(AdminNotice.run_id).is_(None),
            col(AdminNotice.deployment_id).is_(None),
        )
        .values(text="")
    )
    session.connection().execute(
        sa.update(OutboxMessage)
        .where(col(OutboxMessage.team_id) == team_id, col(OutboxMessage.state).in_(_ENDED))
        .values(text="", blocks=[], uploads=[])
    )
    session.expire_all()


def purge_workspace(session: Session, team_id: str) -> dict[str, int]:
    """
    Delete every row of a workspace but its erasures; returns how many of each table.

    These say that there may still be files and free pages; ``forget_erasures`` ends it.
    """
    session.flush()
    counts: dict[str, int] = {}
    for table in reversed(SQLModel.metadata.sorted_tables):
        if table.name in ("audit_entry", "erasure") or "team_id" not in table.columns:
            continue
        result = session.connection().execute(
            sa.delete(table).where(table.columns["team_id"] == team_id)
        )
        if result.rowcount:
            counts[table.name] = result.rowcount
    audit.purge(session, team_id)
    session.expire_all()
    return counts


def forget_erasures(session: Session, team_id: str) -> None:
    """The last rows of a workspace that left."""
    session.exec(delete(Erasure).where(col(Erasure.team_id) == team_id))


def team_ids(session: Session) -> set[str]:
    """The workspaces of which there is any row."""
    connection = session.connection()
    found: set[str] = set()
    for table in SQLModel.metadata.sorted_tables:
        if "team_id" in table.columns:
            found |= set(
                connection.execute(sa.select(table.columns["team_id"]).distinct()).scalars()
            )
    return found


def people(session: Session, team_id: str) -> set[str]:
    """Everything in a workspace's rows that looks like a person's id."""
    connection = session.connection()
    found: set[str] = set()
    for table in _tables():
        texts = [sa.cast(column, sa.String) for column in _text_columns(table)]
        if texts:
            rows = sa.select(*texts).where(table.columns["team_id"] == team_id)
            for row in connection.execution_options(yield_per=1000).execute(rows):
                for text in filter(None, row):
                    found.update(_PERSON.findall(text))
    return found


def run_ids(session: Session, team_id: str) -> list[int]:
    """Every run of a workspace: their folders go with it."""
    found = session.exec(select(Run.id).where(col(Run.team_id) == team_id))
    return [run_id for run_id in found if run_id is not None]


def _replace_in(
    session: Session,
    table: sa.Table,
    team_id: str,
    user_id: str,
    whole: re.Pattern[str],
    pseudonym: str,
) -> int:
    columns = list(_text_columns(table))
    if not columns:
        return 0
    holds = [sa.cast(column, sa.String).contains(user_id, autoescape=True) for column in columns]
    found = sa.select(table.columns["id"], *columns).where(
        table.columns["team_id"] == team_id, sa.or_(*holds)
    )
    if table.name in _UNDER_WORK:
        state = sa.cast(table.columns["state"], sa.String)
        found = found.where(state.not_in(_UNDER_WORK[table.name]))
    connection = session.connection()
    rows = connection.execute(found).mappings().all()
    for row in rows:
        values = {column.name: _replaced(row[column.name], whole, pseudonym) for column in columns}
        connection.execute(
            sa.update(table).where(table.columns["id"] == row["id"]).values(**values)
        )
    return len(rows)


def _replaced(value: Any, whole: re.Pattern[str], pseudonym: str) -> Any:
    if value is None or isinstance(value, str):
        return value and whole.sub(pseudonym, value)
    return json.loads(whole.sub(pseudonym, json.dumps(value)))


def _tables() -> Iterator[sa.Table]:
    for table in SQLModel.metadata.sorted_tables:
        if "team_id" in table.columns and "id" in table.columns:
            yield table


def _text_columns(table: sa.Table) -> Iterator[sa.Column[Any]]:
    for column in table.columns:
        kind = getattr(column.type, "impl", column.type)
        is_text = isinstance(kind, sa.String | sa.JSON)
        is_free = not isinstance(kind, EnumType) and column.name != "team_id"
        if is_text and is_free and (table.name, column.name) not in _KEPT_COLUMNS:
            yield column
