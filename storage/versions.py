"""Model versions and the pointer that says which one is live."""

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from storage.audience import WORKSPACE, Viewer
from storage.tables import Canary, CanaryState, ModelVersion, Pin, Promotion, VersionState


def of_run(session: Session, team_id: str, run_id: int) -> ModelVersion | None:
    return session.exec(
        select(ModelVersion).where(
            col(ModelVersion.team_id) == team_id, col(ModelVersion.run_id) == run_id
        )
    ).first()


def get(session: Session, team_id: str, version_id: int) -> ModelVersion | None:
    return session.exec(
        select(ModelVersion).where(
            col(ModelVersion.team_id) == team_id, col(ModelVersion.id) == version_id
        )
    ).first()


def by_name(session: Session, team_id: str, name: str, viewer: Viewer) -> ModelVersion | None:
    """The version of this name, if the viewer may know that it exists."""
    return session.exec(
        select(ModelVersion).where(
            col(ModelVersion.team_id) == team_id,
            col(ModelVersion.name) == name,
            col(ModelVersion.audience).in_(viewer.audiences),
        )
    ).first()


def visible(session: Session, team_id: str, viewer: Viewer) -> list[ModelVersion]:
    """The versions the viewer may know of, newest first."""
    return list(
        session.exec(
            select(ModelVersion)
            .where(
                col(ModelVersion.team_id) == team_id,
                col(ModelVersion.audience).in_(viewer.audiences),
            )
            .order_by(col(ModelVersion.id).desc())
        )
    )


def next_name(session: Session, team_id: str, audience: str) -> tuple[int, str]:
    """The number and name the audience's next version gets: ``workspace-v7``, ``c0ops-v2``."""
    highest = session.exec(
        select(func.max(col(ModelVersion.number))).where(
            col(ModelVersion.team_id) == team_id, col(ModelVersion.audience) == audience
        )
    ).one()
    number = (highest or 0) + 1
    prefix = WORKSPACE if audience == WORKSPACE else audience.lower()
    return number, f"{prefix}-v{number}"


def wanted_in_engine(session: Session, waiting: int) -> list[ModelVersion]:
    """
    What the engine has to serve: every version that is or was live, for rollback, those in a
    canary or pinned, and the newest ``waiting`` ones that a person or the evaluation may ask for.
    """
    chosen = [
        select(Canary.version_id).where(col(Canary.state) == CanaryState.RUNNING),
        select(Pin.version_id).where(col(Pin.version_id).is_not(None)),
    ]
    promoted = session.exec(
        select(ModelVersion).where(
            or_(
                col(ModelVersion.state) == VersionState.PROMOTED,
                *(col(ModelVersion.id).in_(ids) for ids in chosen),
            ),
            col(ModelVersion.state) != VersionState.RETIRED,
        )
    ).all()
    newest = session.exec(
        select(ModelVersion)
        .where(col(ModelVersion.state).in_([VersionState.CANDIDATE, VersionState.HELD]))
        .order_by(col(ModelVersion.id).desc())
        .limit(waiting)
    )
    return list({version.id: version for version in [*promoted, *newest]}.values())


def promotions(session: Session, team_id: str, audience: str) -> list[Promotion]:
    """Where the pointer has been, newest first; the first row is live."""
    return list(
        session.exec(
            select(Promotion)
            .where(col(Promotion.team_id) == team_id, col(Promotion.audience) == audience)
            .order_by(col(Promotion.id).desc())
        )
    )


def newest_move(session: Session) -> int:
    """The id of the last promotion or rollback of all; it grows with each."""
    return session.exec(select(func.max(col(Promotion.id)))).one() or 0


def standing(session: Session) -> list[Promotion]:
    """The newest row of each audience of all workspaces, where it put a version live."""
    newest = select(func.max(col(Promotion.id))).group_by(
        col(Promotion.team_id), col(Promotion.audience)
    )
    return list(
        session.exec(
            select(Promotion).where(
                col(Promotion.id).in_(newest),
                col(Promotion.is_rollback).is_(False),
                col(Promotion.version_id).is_not(None),
            )
        )
    )


def live(session: Session, team_id: str, audience: str) -> Promotion | None:
    """Where the audience's own pointer stands; None: it was never moved."""
    return next(iter(promotions(session, team_id, audience)), None)
