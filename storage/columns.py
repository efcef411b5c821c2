"""Column types that behave the same on every database we support."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


def utc_now() -> datetime:
    return datetime.now(UTC)


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
