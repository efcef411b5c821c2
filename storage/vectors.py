"""
Vectors of examples, and which examples lack one. Queries never commit.

For whoever makes vectors and searches them: nothing here returns words to be shown. What a search
finds are ids, and whoever turns them into examples asks for a viewer.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session, col, delete, func, select, update

from storage.near_duplicates import COMPARED
from storage.tables import Example, ExampleVector


def without_vector(session: Session, model: str, limit: int) -> list[Example]:
    """Examples of all workspaces that need a vector of this model, the newest first."""
    has_one = sa.exists().where(
        col(ExampleVector.example_id) == col(Example.id), col(ExampleVector.model) == model
    )
    return list(
        session.exec(
            select(Example)
            .where(
                col(Example.state).in_(COMPARED),
                col(Example.erased_at).is_(None),
                ~has_one,
            )
            .order_by(col(Example.id).desc())
            .limit(limit)
        )
    )


def put(session: Session, example: Example, model: str, vector: bytes) -> None:
    """Keep an example's vector instead of any it had."""
    assert example.id is not None
    drop(session, example.id)
    session.add(
        ExampleVector(team_id=example.team_id, example_id=example.id, model=model, vector=vector)
    )
    session.flush()


def drop(session: Session, example_id: int) -> None:
    """Forget an example's vector; a new one is made where it still needs one."""
    session.exec(delete(ExampleVector).where(col(ExampleVector.example_id) == example_id))


def to_compare(session: Session, model: str, limit: int) -> list[Example]:
    """Examples of all workspaces for which near-duplicates are to be looked for, in their order."""
    return list(
        session.exec(
            select(Example)
            .join(ExampleVector, col(ExampleVector.example_id) == col(Example.id))
            .where(
                col(ExampleVector.is_compared).is_(False),
                col(ExampleVector.model) == model,
                col(Example.state).in_(COMPARED),
            )
            .order_by(col(Example.id))
            .limit(limit)
        )
    )


_MARK = (
    update(ExampleVector)
    .where(col(ExampleVector.example_id) == sa.bindparam("id_of_example"))
    .values(is_compared=sa.bindparam("compared"))
    .execution_options(synchronize_session=False)
)


def mark_compared(session: Session, example_id: int, *, is_compared: bool) -> None:
    session.exec(_MARK, params={"id_of_example": example_id, "compared": is_compared})


def extent(session: Session, team_id: str, model: str) -> tuple[int, int]:
    """The greatest number of a workspace's vectors, and how many there are."""
    greatest, count = session.exec(
        select(func.max(ExampleVector.id), func.count(col(ExampleVector.id))).where(
            *_of(team_id, model)
        )
    ).one()
    return greatest or 0, count


def after(
    session: Session, team_id: str, model: str, number: int, limit: int
) -> list[tuple[int, int, bytes]]:
    """Number, example and vector of the next rows with a greater number."""
    found = session.exec(
        select(ExampleVector.id, ExampleVector.example_id, ExampleVector.vector)
        .where(*_of(team_id, model), col(ExampleVector.id) > number)
        .order_by(col(ExampleVector.id))
        .limit(limit)
    )
    return [(row_id or 0, example_id, vector) for row_id, example_id, vector in found]


def numbers(session: Session, team_id: str, model: str) -> Collection[int]:
    """The numbers of all vectors there are."""
    found = session.exec(select(ExampleVector.id).where(*_of(team_id, model)))
    return {number for number in found if number is not None}


def _of(team_id: str, model: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (col(ExampleVector.team_id) == team_id, col(ExampleVector.model) == model)
