"""A clock that stands still until a test sets it."""

from datetime import UTC, datetime

#: A Tuesday.
START = datetime(2026, 11, 24, 11, tzinfo=UTC)


class Clock:
    def __init__(self, time: datetime = START) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time
