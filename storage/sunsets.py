"""What ends soon, as the radar found it. Queries never commit."""

from collections.abc import Iterable
from datetime import date

from sqlmodel import Session, col, select

from storage import deployments
from storage.audience import Viewer
from storage.tables import ModelVersion, Run, Schedule, Sunset, VersionState


def visible(session: Session, team_id: str, viewer: Viewer, until: date) -> list[Sunset]:
    """What ends until that day and the viewer may know of, the nearest first."""
    return list(
        session.exec(
            select(Sunset)
            .where(
                col(Sunset.team_id) == team_id,
                col(Sunset.audience).in_(viewer.audiences),
                col(Sunset.ends_on) <= until,
            )
            .order_by(col(Sunset.ends_on), col(Sunset.id))
        )
    )


def has_ended(session: Session, team_id: str, version_name: str, today: date) -> bool:
    """Say whether the provider answers no more from what this version is made of."""
    ended = select(Sunset.id).where(
        col(Sunset.team_id) == team_id,
        col(Sunset.version) == version_name,
        col(Sunset.ends_on) <= today,
    )
    return session.exec(ended).first() is not None


def replace(session: Session, trainer: str, found: Iterable[Sunset]) -> None:
    """Keep exactly this of a trainer, for all workspaces; what is not in use any more goes."""
    before = {
        _key(row): row
        for row in session.exec(select(Sunset).where(col(Sunset.trainer) == trainer)).all()
    }
    for row in found:
        if known := before.pop(_key(row), None):
            known.ends_on, known.source, known.seen_at = row.ends_on, row.source, row.seen_at
            known.version = row.version
            session.add(known)
        else:
            session.add(row)
    for row in before.values():
        session.delete(row)
    session.flush()


def trainers_in_use(session: Session) -> set[tuple[str, str]]:
    """Workspaces with the trainers their schedules and runs name."""
    scheduled = session.exec(select(Schedule.team_id, Schedule.trainer).distinct())
    asked = session.exec(select(Run.team_id, Run.trainer).distinct())
    return {*scheduled, *asked}


def served_elsewhere(session: Session) -> list[ModelVersion]:
    """The versions of all workspaces that answer somebody from a provider."""
    found = session.exec(
        select(ModelVersion)
        .where(
            col(ModelVersion.id).in_(deployments.answering(session)),
            col(ModelVersion.state) != VersionState.RETIRED,
            col(ModelVersion.remote_id).is_not(None),
        )
        .order_by(col(ModelVersion.id))
    )
    return list(found)


def _key(row: Sunset) -> tuple[str, ...]:
    return (row.team_id, row.audience, row.model, row.ends)
