"""Field builders for columns that many tables have. No table lives here."""

from copy import deepcopy
from typing import Any

from sqlalchemy import JSON, Column, Enum
from sqlmodel import Field

from storage.columns import UtcDateTime, utc_now


def json_field(default: Any) -> Any:
    """A JSON column; assign a new value to change it, changes inside are not noticed."""
    return Field(default_factory=lambda: deepcopy(default), sa_column=Column(JSON, nullable=False))


def json_or_none_field() -> Any:
    """A JSON column that may be empty; assign a new value to change it."""
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


def enum_field(kind: type, default: Any = ..., *, index: bool = False) -> Any:
    """A StrEnum stored as its value, so that rows read well and no ALTER TYPE is ever needed."""
    column: Column[Any] = Column(
        Enum(kind, native_enum=False, length=32, values_callable=_values),
        nullable=False,
        index=index,
    )
    if default is ...:
        return Field(sa_column=column)
    return Field(default=default, sa_column=column)


def now_field() -> Any:
    return Field(default_factory=utc_now, sa_column=Column(UtcDateTime, nullable=False))


def time_field() -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


def _values(kind: type[Any]) -> list[str]:
    return [member.value for member in kind]
