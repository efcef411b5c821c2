"""Schedules of runs, one an audience. Queries never commit."""

from datetime import datetime

from sqlmodel import Session, col, or_, select

from storage import audit
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import Schedule


def of_audience(session: Session, team_id: str, audience: str) -> Schedule | None:
    return session.exec(
        select(Schedule).where(col(Schedule.team_id) == team_id, col(Schedule.audience) == audience)
    ).first()


def put(
    session: Session,
    team_id: str,
    audience: str,
    *,
    rule: str,
    zone: str,
    trainer: str,
    channel_id: str,
    by: str,
    next_at: datetime | None,
) -> Schedule:
    """Set the audience's schedule, in place of what was set before."""
    row = of_audience(session, team_id, audience) or Schedule(
        team_id=team_id, audience=audience, rule="", zone="", trainer="", channel_id="", set_by=""
    )
    row.rule, row.zone, row.trainer, row.channel_id = rule, zone, trainer, channel_id
    row.set_by, row.set_at, row.next_at = by, utc_now(), next_at
    row.last_at, row.last_outcome = None, ""
    session.add(row)
    session.flush()
    _record(session, row, "schedule.set", by)
    return row


def remove(session: Session, row: Schedule, by: str) -> None:
    _record(session, row, "schedule.ended", by)
    session.delete(row)
    session.flush()


def end_of_channel(session: Session, team_id: str, channel_id: str) -> None:
    """A private channel is no more, or not ours: what was trained by itself for it is not."""
    if row := of_audience(session, team_id, channel_id):
        remove(session, row, "slack")


def visible(session: Session, team_id: str, viewer: Viewer) -> list[Schedule]:
    """The schedules the viewer may know of."""
    return list(
        session.exec(
            select(Schedule)
            .where(
                col(Schedule.team_id) == team_id,
                col(Schedule.audience).in_(viewer.audiences),
            )
            .order_by(col(Schedule.id))
        )
    )


def due(session: Session, now: datetime) -> list[Schedule]:
    """The schedules of all workspaces whose time has come, however long ago."""
    return list(
        session.exec(
            select(Schedule)
            .where(or_(col(Schedule.next_at).is_(None), col(Schedule.next_at) <= now))
            .order_by(col(Schedule.id))
        )
    )


def waiting(session: Session, now: datetime) -> list[Schedule]:
    """The schedules of all workspaces whose time is to come."""
    return list(
        session.exec(select(Schedule).where(col(Schedule.next_at) > now).order_by(col(Schedule.id)))
    )


def _record(session: Session, row: Schedule, action: str, by: str) -> None:
    audit.record(
        session,
        row.team_id,
        actor=by,
        action=action,
        subject=f"schedule:{row.audience}",
        audience=row.audience,
        details={"rule": row.rule, "zone": row.zone, "trainer": row.trainer},
    )
