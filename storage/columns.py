"""Column types that behave the same on every database we support."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, DateTime, Dialect, bindparam, or_
from sqlalchemy.types import TypeDecorator


def utc_now() -> datetime:
    return datetime.now(UTC)


#: Nothing is put off for longer. What is due later was put off while the clock was ahead, and would
#: wait for years once it was set right.
LONGEST_PAUSE = timedelta(days=1)


def has_come(moment: datetime | None, now: datetime) -> bool:
    """Whether what was put off until a moment, if it was, is due."""
    return moment is None or not now < moment <= now + LONGEST_PAUSE


def is_due(column: Any) -> ColumnElement[bool]:
    """The same in a statement, which is run with ``moments(now)``."""
    now, latest = (_moment(name) for name in ("now", "latest"))
    return or_(column.is_(None), column <= now, column > latest)


def moments(now: datetime) -> dict[str, datetime]:
    return {"now": now, "latest": now + LONGEST_PAUSE}


def _moment(name: str) -> BindParameter[datetime]:
    return bindparam(name, type_=UtcDateTime())


class UtcDateTime(TypeDecorator[datetime]):
    """
    A point in time. SQLite forgets the zone, so it is put back on reading.

    Raises:
        ValueError: on writing a datetime without a zone.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone means nothing: use storage.columns.utc_now().")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value  # type: ignore[no-any-return]  # drivers that keep the zone hand it back
        return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]  # a naive datetime
