"""Deployments of tuned models at their providers. Queries never commit."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage import audit, canaries
from storage.audience import Viewer
from storage.tables import (
    OPEN_RUN_STATES,
    Deployment,
    DeploymentState,
    ModelVersion,
    Pin,
    Promotion,
    Run,
)


def open_of(session: Session, version_id: int | None) -> Deployment | None:
    """The deployment of a version that is there, or on its way."""
    return session.exec(
        select(Deployment).where(
            col(Deployment.version_id) == version_id,
            col(Deployment.state) != DeploymentState.ENDED,
        )
    ).first()


def all_open(session: Session) -> list[Deployment]:
    """Of all workspaces: whoever keeps them keeps all."""
    return list(
        session.exec(
            select(Deployment)
            .where(col(Deployment.state) != DeploymentState.ENDED)
            .order_by(col(Deployment.id))
        )
    )


def ready(session: Session) -> list[Deployment]:
    """Of all workspaces, those that answer."""
    return [row for row in all_open(session) if row.state is DeploymentState.READY]


def visible(session: Session, team_id: str, viewer: Viewer) -> list[Deployment]:
    """Those that are there or on their way, of audiences the viewer may know of."""
    return [
        row
        for row in all_open(session)
        if row.team_id == team_id and row.audience in viewer.audiences
    ]


def is_idle(session: Session, row: Deployment) -> bool:
    """It answers, nobody is answered from it, and nobody asked for its end."""
    return (
        row.state is DeploymentState.READY
        and not row.removal_by
        and row.version_id not in of_use(session)
    )


def ask_for(
    session: Session, version: ModelVersion, name: str, hosting_per_hour: float, by: str
) -> Deployment:
    """Want a version deployed; one that is there or on its way is returned as it is."""
    if found := open_of(session, version.id):
        return found
    assert version.id is not None
    row = Deployment(
        team_id=version.team_id,
        audience=version.audience,
        version_id=version.id,
        trainer=version.served_by or "",
        name=name,
        hosting_per_hour=hosting_per_hour,
    )
    session.add(row)
    session.flush()
    record(session, row, "deployment.asked", by)
    return row


def end(session: Session, row: Deployment, now: datetime, action: str, by: str) -> None:
    """Note that a deployment is not there any more."""
    row.state, row.ended_at, row.problem = DeploymentState.ENDED, now, ""
    session.add(row)
    record(session, row, action, by)


def record(session: Session, row: Deployment, action: str, by: str) -> None:
    """Write into the audit table what happened to a deployment."""
    audit.record(
        session,
        row.team_id,
        actor=by,
        action=action,
        subject=f"deployment:{row.id}",
        audience=row.audience,
        details={"name": row.name, "version": row.version_id},
    )


def ask_to_remove(session: Session, row: Deployment, by: str) -> None:
    """Note who wants a deployment gone; the first to ask is kept."""
    if row.removal_by or row.state is DeploymentState.ENDED:
        return
    row.removal_by, row.not_before, row.problem = by, None, ""
    session.add(row)
    record(session, row, "deployment.removal_asked", by)


def doubt(session: Session, team_id: str, version_name: str, now: datetime) -> bool:
    """An answer found a version missing: have its deployment looked at soon."""
    row = session.exec(
        select(Deployment)
        .join(ModelVersion, col(ModelVersion.id) == col(Deployment.version_id))
        .where(
            col(Deployment.team_id) == team_id,
            col(ModelVersion.name) == version_name,
            col(Deployment.state) == DeploymentState.READY,
        )
    ).first()
    if row is not None and row.doubted_at is None:
        row.doubted_at = now
        session.add(row)
    return row is not None


def of_use(session: Session) -> set[int]:
    """Ids of all versions that answer somebody, or are being judged; no word of whom."""
    judged = session.exec(
        select(ModelVersion.id)
        .join(Run, col(Run.id) == col(ModelVersion.run_id))
        .where(col(Run.state).in_(OPEN_RUN_STATES), col(Run.cancel_requested_by).is_(None))
    )
    return answering(session) | {found for found in judged if found is not None}


def answering(session: Session) -> set[int]:
    """Ids of all versions that are live, pinned or a canary, or what a canary is tried against."""
    newest = select(func.max(col(Promotion.id))).group_by(
        col(Promotion.team_id), col(Promotion.audience)
    )
    live = session.exec(select(Promotion.version_id).where(col(Promotion.id).in_(newest)))
    pinned = session.exec(select(Pin.version_id))
    tried = [
        version_id
        for canary in canaries.all_running(session)
        for version_id in (canary.version_id, canary.live_id)
    ]
    return {found for found in (*live, *pinned, *tried) if found is not None}


def hosting(session: Session, team_id: str, since: datetime, until: datetime) -> float:
    """
    Dollars that hosting cost between two times, asked or not; later than now is what it will.

    A sum over all audiences: it says nothing of what any of them learned.
    """
    rows = session.exec(
        select(Deployment).where(
            col(Deployment.team_id) == team_id, col(Deployment.ready_at).is_not(None)
        )
    )
    dollars = 0.0
    for row in rows:
        assert row.ready_at is not None
        hours = (
            min(until, row.ended_at or until) - max(since, row.ready_at)
        ).total_seconds() / 3600
        dollars += max(0.0, hours) * row.hosting_per_hour
    return dollars
