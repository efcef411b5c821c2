"""Admins' statements that the organisation may train on content of named sources."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from storage import audit
from storage.tables import Attestation


def record(
    session: Session, team_id: str, by_user_id: str, sources: Iterable[str], statement: str
) -> Attestation:
    """Add one; earlier ones stay as history, the newest counts."""
    attestation = Attestation(
        team_id=team_id, by_user_id=by_user_id, sources=sorted(sources), statement=statement
    )
    session.add(attestation)
    session.flush()
    audit.record(
        session,
        team_id,
        actor=by_user_id,
        action="right.attested",
        subject=f"attestation:{attestation.id}",
        details={"sources": attestation.sources},
    )
    return attestation


def newest(session: Session, team_id: str) -> Attestation | None:
    return session.exec(
        select(Attestation)
        .where(col(Attestation.team_id) == team_id)
        .order_by(col(Attestation.id).desc())
    ).first()
