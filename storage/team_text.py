"""
The last gate before the disk: what people wrote is redacted when a row is written.

The verbs redact what they keep and tell people what was replaced. This makes sure that a path
nobody thought of keeps no secret either. Redacting is idempotent, so twice does no harm.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlmodel import Session, SQLModel

Redact = Callable[[str], str]

#: The columns that hold words of people, or of a model that was asked by them.
TEAM_TEXT: dict[str, tuple[str, ...]] = {
    "example": ("question", "context", "answer", "original_answer", "tags", "proposal"),
    "wording": ("text",),
    "revision": ("question", "answer", "context", "tags"),
    "vote": ("reason",),
    "unanswered": ("text",),
    "outbox": ("text", "blocks"),
}
#: In blocks only this is shown; values of buttons are ours and stay as they are.
_SHOWN = "text"
_INFO = "redact"


def guard(session: Session, redact: Redact | None) -> Session:
    """Redact whatever this session writes."""
    session.info[_INFO] = redact
    return session


def redact_row(session: Session, row: SQLModel) -> None:
    """Redact all that a new row says; for whoever inserts it without a flush."""
    redact = session.info.get(_INFO)
    if redact is None:
        return
    for column in TEAM_TEXT.get(str(row.__tablename__), ()):
        _redact_column(row, column, redact)


def redact_values(session: Session, table: str, values: dict[str, Any]) -> None:
    """The same of values that become a row without being one first."""
    redact = session.info.get(_INFO)
    if redact is None:
        return
    for column in TEAM_TEXT.get(table, ()):
        if column in values:
            values[column] = _clean(table, column, values[column], redact)


def _redact_rows(session: Session, _context: Any, _instances: Any) -> None:
    redact = session.info.get(_INFO)
    if redact is None:
        return
    for row in [*session.new, *session.dirty]:
        for column in TEAM_TEXT.get(getattr(row, "__tablename__", ""), ()):
            if sa.inspect(row).attrs[column].history.has_changes():
                _redact_column(row, column, redact)


def _redact_column(row: SQLModel, column: str, redact: Redact) -> None:
    before = getattr(row, column)
    after = _clean(str(row.__tablename__), column, before, redact)
    if after != before:
        setattr(row, column, after)


def _clean(table: str, column: str, value: Any, redact: Redact) -> Any:
    is_blocks = (table, column) == ("outbox", "blocks")
    return _redacted_blocks(value, redact) if is_blocks else _redacted(value, redact)


def _redacted(value: Any, redact: Redact) -> Any:
    """A text, or whatever JSON has texts in it."""
    if isinstance(value, str):
        return redact(value) if value else value
    if isinstance(value, list):
        return [_redacted(each, redact) for each in value]
    if isinstance(value, dict):
        return {key: _redacted(each, redact) for key, each in value.items()}
    return value


def _redacted_blocks(value: Any, redact: Redact) -> Any:
    if isinstance(value, list):
        return [_redacted_blocks(each, redact) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: redact(each)
        if key == _SHOWN and isinstance(each, str)
        else _redacted_blocks(each, redact)
        for key, each in value.items()
    }


event.listen(Session, "before_flush", _redact_rows)
