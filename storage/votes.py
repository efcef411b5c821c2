"""
Votes, and the examples they are about, found by their coordinates. Queries never commit.

For capture, which has to find what it is about to change, and for nobody else: these functions
ask for no viewer, so what they return goes to no list, prompt or export. Those read
``storage.examples``.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import bindparam, union_all
from sqlmodel import Session, col, select

from storage.rows import find_one, insert_now
from storage.tables import Example, Vote

# Put together once: capture asks these for every vote, and that takes longer than asking.
_BY_KEY = select(Vote.id).where(
    col(Vote.team_id) == bindparam("team_id"), col(Vote.key) == bindparam("key")
)
_ON_EXAMPLE = (
    select(Vote)
    .where(col(Vote.team_id) == bindparam("team_id"), col(Vote.example_id) == bindparam("id"))
    .order_by(col(Vote.id))
)
_AT_MESSAGE = select(Example.id).where(
    col(Example.team_id) == bindparam("team_id"),
    col(Example.channel_id) == bindparam("channel_id"),
    col(Example.answer_ts) == bindparam("answer_ts"),
)
_when = col(Vote.order_key)
_OWN = (
    select(Vote.key, Vote.example_id, Vote.order_key)
    .where(col(Vote.team_id) == bindparam("team_id"), col(Vote.user_id) == bindparam("user_id"))
    .where(col(Vote.value) != 0, col(Vote.key).not_like("review:%"))
)
_EARLIER = (
    _OWN.where(_when <= bindparam("at"), _when >= bindparam("first"))
    .order_by(_when.desc(), col(Vote.id).desc())
    .limit(bindparam("many_before"))
)
_LATER = (
    _OWN.where(_when > bindparam("at"), _when <= bindparam("last"))
    .order_by(_when, col(Vote.id))
    .limit(bindparam("many_after"))
)
# One statement for both: SQLite sorts and cuts only what is a table of its own.
_AROUND = union_all(sa.select(_EARLIER.subquery()), sa.select(_LATER.subquery()))


@dataclass(frozen=True)
class Moment:
    """When a person voted for what; ``at`` is Slack's time, in seconds."""

    key: str
    example_id: int
    at: float


def find(session: Session, team_id: str, key: str) -> Vote | None:
    return find_one(session, Vote, _BY_KEY, {"team_id": team_id, "key": key})


def on(session: Session, example: Example) -> list[Vote]:
    """Every vote on an example, those taken back included."""
    asked = {"team_id": example.team_id, "id": example.id}
    return list(session.exec(_ON_EXAMPLE, params=asked))


def around(
    session: Session, vote: Vote, count: int, seconds: float, at: str | None = None
) -> list[Moment]:
    """
    So many standing votes of a vote's person before and after it, or before and after ``at``, as
    were cast within ``seconds``.

    Whoever works through the review queue decides about many examples in a row; that is no burst.
    """
    at = at or vote.order_key
    first, last = (f"{max(_seconds(at) + far, 0.0):017.6f}" for far in (-seconds, seconds))
    asked = {
        "team_id": vote.team_id, "user_id": vote.user_id, "at": at, "first": first, "last": last,
        # One more than asked for: the vote itself is among the earlier ones.
        "many_before": count + 1, "many_after": count,
    }  # fmt: skip
    session.flush()
    found = session.connection().execute(_AROUND, asked)
    return [Moment(key, example_id, _seconds(when)) for key, example_id, when in found]


def moments(vote: Vote, at: str | None) -> list[Moment]:
    """The vote as if it stood at this time; none without a time."""
    return [Moment(vote.key, vote.example_id, _seconds(at))] if at else []


def example_of(session: Session, vote: Vote) -> Example:
    return session.get_one(Example, vote.example_id)


def example_at(session: Session, team_id: str, channel_id: str, answer_ts: str) -> Example | None:
    """The example whose answer begins at this message."""
    asked = {"team_id": team_id, "channel_id": channel_id, "answer_ts": answer_ts}
    return find_one(session, Example, _AT_MESSAGE, asked)


def example_numbered(session: Session, team_id: str, example_id: int) -> Example | None:
    return session.exec(
        select(Example).where(col(Example.team_id) == team_id, col(Example.id) == example_id)
    ).first()


def add_example(session: Session, example: Example) -> Example:
    """Keep a new example; it has its id afterwards."""
    return insert_now(session, example)


def add(session: Session, vote: Vote) -> Vote:
    """Keep a vote that nobody cast before under its key."""
    return insert_now(session, vote)


def _seconds(order_key: str) -> float:
    """Slack's time of an event as a number; what is none is long ago."""
    try:
        return float(order_key)
    except ValueError:
        return 0.0
