"""Whom to tell what became of their examples. Queries never commit."""

from datetime import datetime

from sqlmodel import Session, col, select

from storage.audience import Viewer
from storage.tables import ContributorNotice, Example, ExampleState


def next_due(session: Session, now: datetime) -> ContributorNotice | None:
    """The notice that is due longest."""
    return session.exec(
        select(ContributorNotice)
        .where(col(ContributorNotice.told_at).is_(None), col(ContributorNotice.due_at) <= now)
        .order_by(col(ContributorNotice.due_at), col(ContributorNotice.id))
    ).first()


def untold(session: Session, team_id: str, user_id: str) -> list[ContributorNotice]:
    """All that a person is to be told, due or not: one message says it all."""
    return list(
        session.exec(
            select(ContributorNotice)
            .where(
                col(ContributorNotice.team_id) == team_id,
                col(ContributorNotice.user_id) == user_id,
                col(ContributorNotice.told_at).is_(None),
            )
            .order_by(col(ContributorNotice.id))
        )
    )


def decided(
    session: Session, team_id: str, viewer: Viewer, example_ids: list[int]
) -> list[Example]:
    """Those of the examples that the viewer may see and that are not open, in their order."""
    is_merged = col(Example.merged_into).is_not(None)
    is_decided = col(Example.state).in_((ExampleState.APPROVED, ExampleState.REJECTED))
    return list(
        session.exec(
            select(Example)
            .where(
                col(Example.team_id) == team_id,
                col(Example.audience).in_(viewer.audiences),
                col(Example.id).in_(example_ids),
                col(Example.erased_at).is_(None),
                is_merged | is_decided,
            )
            .order_by(col(Example.id))
        )
    )
