"""
One row in or out without the ORM's own way, which takes several times as long for a single one.

For what every captured reaction does. What people wrote passes the same gate as in a flush.
"""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Executable, Insert, insert, inspect
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import Session, SQLModel

from storage.team_text import redact_row, redact_values

Row = TypeVar("Row", bound=SQLModel)


def insert_now(session: Session, row: Row) -> Row:
    """Insert a new row; it has its id and is one of the session's, as after a flush."""
    redact_row(session, row)
    statement, names = _how(type(row))
    values = {name: getattr(row, name) for name in names}
    found = session.connection().execute(statement, values).inserted_primary_key
    row.id = found[0]  # type: ignore[index]
    make_transient_to_detached(row)
    session.add(row)
    return row


def insert_values(session: Session, table: type[SQLModel], **given: Any) -> None:
    """Insert a new row at which nobody looks again in its transaction; it is no object at all."""
    values = {
        name: given[name] if name in given else field.get_default(call_default_factory=True)
        for name, field in _fields(table).items()
    }
    redact_values(session, str(table.__tablename__), values)
    session.connection().execute(_how(table)[0], values)


def find_one(
    session: Session, table: type[Row], ids: Executable, asked: dict[str, Any]
) -> Row | None:
    """The row whose id a statement finds, or None; mostly there is none."""
    session.flush()
    row_id = session.connection().execute(ids, asked).scalar()
    return None if row_id is None else session.get(table, row_id)


@cache
def _fields(table: type[SQLModel]) -> dict[str, Any]:
    return {name: field for name, field in table.model_fields.items() if name != "id"}


@cache
def _how(table: type[SQLModel]) -> tuple[Insert, tuple[str, ...]]:
    names = tuple(column.key for column in inspect(table).column_attrs if column.key != "id")
    return insert(table), names
