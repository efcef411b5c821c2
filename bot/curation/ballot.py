"""One person's vote as it arrives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ballot:
    """See ``storage.tables.Vote`` for the fields."""

    key: str
    user_id: str
    value: int
    by_curator: bool
    order_key: str
    reason: str | None = None
