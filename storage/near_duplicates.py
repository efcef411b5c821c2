"""
Pairs of near-duplicates, read for somebody. Queries never commit.

A pair is there for a viewer who may see both of its examples, and for nobody else.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, func, select

from bot.errors import NotFoundError
from storage.audience import Viewer
from storage.chunks import chunks
from storage.columns import utc_now
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicate,
    NearDuplicateKind,
    NearDuplicateState,
)

#: Examples that a new one is compared with; what was rejected or withdrawn bothers nobody.
COMPARED = (ExampleState.PROPOSED, ExampleState.APPROVED, ExampleState.DISPUTED)


def _pairs(side: Any) -> Any:
    return select(
        NearDuplicate.id, NearDuplicate.first_id, NearDuplicate.second_id, NearDuplicate.state
    ).where(col(NearDuplicate.team_id) == sa.bindparam("team_id"), col(side) == sa.bindparam("id"))


# Not with OR: SQLite would look at every pair of the workspace.
_PAIRS_OF = sa.union_all(_pairs(NearDuplicate.first_id), _pairs(NearDuplicate.second_id))
_First, _Second = aliased(Example), aliased(Example)


def open_pairs(
    session: Session,
    team_id: str,
    viewer: Viewer,
    *,
    kind: NearDuplicateKind | None = None,
    offset: int = 0,
    limit: int = 10,
) -> list[tuple[NearDuplicate, Example, Example]]:
    """Pairs that nobody has decided about, the most alike first, each with its two examples."""
    found = session.exec(
        select(NearDuplicate, _First, _Second)
        .join(_First, col(_First.id) == col(NearDuplicate.first_id))
        .join(_Second, col(_Second.id) == col(NearDuplicate.second_id))
        .where(*_undecided(team_id, viewer, kind))
        .order_by(col(NearDuplicate.similarity).desc(), col(NearDuplicate.id))
        .offset(offset)
        .limit(limit)
    )
    return [(pair, first, second) for pair, first, second in found]


def count_open(
    session: Session, team_id: str, viewer: Viewer, kind: NearDuplicateKind | None = None
) -> int:
    """How many pairs nobody has decided about."""
    return session.exec(
        select(func.count())
        .select_from(NearDuplicate)
        .join(_First, col(_First.id) == col(NearDuplicate.first_id))
        .join(_Second, col(_Second.id) == col(NearDuplicate.second_id))
        .where(*_undecided(team_id, viewer, kind))
    ).one()


def get(session: Session, team_id: str, viewer: Viewer, pair_id: int) -> NearDuplicate:
    """
    Raises:
        NotFoundError: there is no such pair for this viewer.
    """
    pair = session.exec(
        select(NearDuplicate)
        .join(_First, col(_First.id) == col(NearDuplicate.first_id))
        .join(_Second, col(_Second.id) == col(NearDuplicate.second_id))
        .where(*_visible(team_id, viewer), col(NearDuplicate.id) == pair_id)
    ).first()
    if pair is None:
        raise NotFoundError("These two examples are not a pair that you may see.")
    return pair


def resolve(
    session: Session,
    team_id: str,
    viewer: Viewer,
    pair_id: int,
    state: NearDuplicateState,
    by: str,
) -> NearDuplicate:
    """
    Write down what a person decided, or with ``OPEN`` that it is undecided again.

    Raises:
        NotFoundError: there is no such pair for this viewer.
    """
    pair = get(session, team_id, viewer, pair_id)
    is_open = state is NearDuplicateState.OPEN
    pair.state = state
    pair.resolved_by = None if is_open else by
    pair.resolved_at = None if is_open else utc_now()
    session.add(pair)
    session.flush()
    return pair


def replace_open(session: Session, example: Example, found: Collection[NearDuplicate]) -> None:
    """
    Let ``found`` be the open pairs of an example; what was decided about any of them stays.

    For whoever stores the example: shows nothing, so it asks for no viewer.
    """
    session.flush()
    asked = {"team_id": example.team_id, "id": example.id}
    known = session.connection().execute(_PAIRS_OF, asked).all()
    open_ids = [pair.id for pair in known if pair.state is NearDuplicateState.OPEN]
    for some in chunks(open_ids):
        session.exec(delete(NearDuplicate).where(col(NearDuplicate.id).in_(some)))
    decided = {
        (pair.first_id, pair.second_id)
        for pair in known
        if pair.state is not NearDuplicateState.OPEN
    }
    for pair in found:
        if (pair.first_id, pair.second_id) not in decided:
            session.add(pair)
    session.flush()


def _undecided(
    team_id: str, viewer: Viewer, kind: NearDuplicateKind | None
) -> tuple[sa.ColumnElement[bool], ...]:
    kinds = tuple(NearDuplicateKind) if kind is None else (kind,)
    return (
        *_visible(team_id, viewer),
        col(_First.state).in_(COMPARED),
        col(_Second.state).in_(COMPARED),
        col(NearDuplicate.state) == NearDuplicateState.OPEN,
        col(NearDuplicate.kind).in_(kinds),
    )


def _visible(team_id: str, viewer: Viewer) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(NearDuplicate.team_id) == team_id,
        col(_First.team_id) == team_id,
        col(_Second.team_id) == team_id,
        col(_First.audience).in_(viewer.audiences),
        col(_Second.audience).in_(viewer.audiences),
    )
