"""What admins are to be told, each thing once. Queries never commit."""

from datetime import datetime

from sqlmodel import Session, col, select

from storage.columns import is_due, moments
from storage.tables import AdminNotice


def put(
    session: Session,
    team_id: str,
    audience: str,
    key: str,
    text: str,
    run_id: int | None = None,
    deployment_id: int | None = None,
) -> None:
    """Tell the admins, unless this was told them before."""
    known = select(AdminNotice.id).where(
        col(AdminNotice.team_id) == team_id, col(AdminNotice.key) == key
    )
    if session.exec(known).first() is None:
        session.add(
            AdminNotice(
                team_id=team_id,
                audience=audience,
                key=key,
                text=text,
                run_id=run_id,
                deployment_id=deployment_id,
            )
        )
        session.flush()


def of_run(session: Session, team_id: str, run_id: int) -> AdminNotice | None:
    return session.exec(
        select(AdminNotice).where(
            col(AdminNotice.team_id) == team_id, col(AdminNotice.run_id) == run_id
        )
    ).first()


def of_deployment(session: Session, team_id: str, deployment_id: int) -> list[AdminNotice]:
    return list(
        session.exec(
            select(AdminNotice).where(
                col(AdminNotice.team_id) == team_id,
                col(AdminNotice.deployment_id) == deployment_id,
            )
        )
    )


def next_due(session: Session, now: datetime) -> AdminNotice | None:
    return session.exec(
        select(AdminNotice)
        .where(
            col(AdminNotice.told_at).is_(None),
            is_due(col(AdminNotice.not_before)),
        )
        .params(moments(now))
        .order_by(col(AdminNotice.id))
    ).first()
