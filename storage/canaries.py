"""Canaries and what was said during them. Queries never commit."""

from sqlmodel import Session, col, select

from storage.audience import Viewer
from storage.tables import Canary, CanaryState


def running(session: Session, team_id: str, audience: str) -> Canary | None:
    """The canary of an audience, if one is under way."""
    return session.exec(
        select(Canary).where(
            col(Canary.team_id) == team_id,
            col(Canary.audience) == audience,
            col(Canary.state) == CanaryState.RUNNING,
        )
    ).first()


def all_running(session: Session) -> list[Canary]:
    """Of all workspaces: whoever watches them watches all."""
    return list(
        session.exec(
            select(Canary).where(col(Canary.state) == CanaryState.RUNNING).order_by(col(Canary.id))
        )
    )


def visible(
    session: Session, team_id: str, viewer: Viewer, *, only_running: bool = False
) -> list[Canary]:
    """Canaries of the audiences the viewer may know of, newest first."""
    found = select(Canary).where(
        col(Canary.team_id) == team_id, col(Canary.audience).in_(viewer.audiences)
    )
    if only_running:
        found = found.where(col(Canary.state) == CanaryState.RUNNING)
    return list(session.exec(found.order_by(col(Canary.id).desc())))


def is_won(session: Session, team_id: str, version_id: int) -> bool:
    """Say whether people preferred a version in a canary of its own."""
    won = select(Canary.id).where(
        col(Canary.team_id) == team_id,
        col(Canary.version_id) == version_id,
        col(Canary.state) == CanaryState.PROMOTED,
    )
    return session.exec(won).first() is not None
