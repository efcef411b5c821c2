"""
What examples said before: every change of an example's words leaves a row. Queries never commit.

Whoever writes an example's question, answer, context or tags calls ``record`` in the same
transaction; whoever reads brings a viewer, because old words are as private as new ones.
"""

from typing import Any

from sqlmodel import Session, col, select

from bot.errors import EditedMeanwhileError
from storage.audience import Viewer
from storage.columns import utc_now
from storage.rows import insert_now, insert_values
from storage.tables import Example, Revision, RevisionReason


def record(
    session: Session, example: Example, author_id: str | None, reason: RevisionReason
) -> Revision:
    """Keep what the example says now, under its present number; the same number once."""
    session.flush()
    known = _at(session, example, example.revision)
    if known is not None:
        return known
    return insert_now(session, Revision(**_said(example, author_id, reason)))


def record_first(session: Session, example: Example, author_id: str | None) -> None:
    """Keep what an example says that was kept just now."""
    insert_values(session, Revision, **_said(example, author_id, RevisionReason.CREATED))


def _said(example: Example, author_id: str | None, reason: RevisionReason) -> dict[str, Any]:
    assert example.id is not None
    return {
        "team_id": example.team_id,
        "example_id": example.id,
        "number": example.revision,
        "question": example.question,
        "answer": example.answer,
        "context": list(example.context),
        "tags": list(example.tags),
        "author_id": author_id,
        "reason": reason,
    }


def change(
    session: Session,
    example: Example,
    author_id: str | None,
    reason: RevisionReason,
    *,
    based_on: int | None = None,
    **words: object,
) -> Revision:
    """
    Give an example other words (``question``, ``answer``, ``context``, ``tags``) as a revision.

    ``based_on`` is the revision the author had in sight; None where nobody looked at one.

    Raises:
        EditedMeanwhileError: the example was changed after ``based_on``.
    """
    session.flush()
    session.refresh(example)
    if based_on is not None and based_on != example.revision:
        raise EditedMeanwhileError(example.revision, example.id)
    # An example that was kept without a revision, as by a test, gets its first one now.
    record(session, example, None, RevisionReason.CREATED)
    for name, value in words.items():
        setattr(example, name, value)
    example.revision += 1
    example.updated_at = utc_now()
    session.add(example)
    return record(session, example, author_id, reason)


def of_example(session: Session, team_id: str, viewer: Viewer, example_id: int) -> list[Revision]:
    """All revisions of an example, the oldest first; none for whom it does not exist."""
    return list(
        session.exec(
            select(Revision)
            .join(Example, col(Example.id) == col(Revision.example_id))
            .where(
                col(Revision.team_id) == team_id,
                col(Revision.example_id) == example_id,
                col(Example.team_id) == team_id,
                col(Example.audience).in_(viewer.audiences),
            )
            .order_by(col(Revision.number))
        )
    )


def _at(session: Session, example: Example, number: int) -> Revision | None:
    return session.exec(
        select(Revision).where(
            col(Revision.team_id) == example.team_id,
            col(Revision.example_id) == example.id,
            col(Revision.number) == number,
        )
    ).first()
