"""What single channels are pinned to. Queries never commit."""

from sqlmodel import Session, col, select

from storage.audience import Viewer
from storage.tables import Pin


def find(session: Session, team_id: str, channel_id: str) -> Pin | None:
    return session.exec(
        select(Pin).where(col(Pin.team_id) == team_id, col(Pin.channel_id) == channel_id)
    ).first()


def pinned_versions(session: Session, team_id: str) -> set[int | None]:
    """Ids of the versions any channel is pinned to; no word of which channel."""
    return set(session.exec(select(Pin.version_id).where(col(Pin.team_id) == team_id)))


def narrow(session: Session, team_id: str, channel_id: str) -> bool:
    """A channel that closes is known to its members alone, and so is what it is pinned to."""
    pin = find(session, team_id, channel_id)
    if pin is None or pin.audience == channel_id:
        return False
    pin.audience = channel_id
    session.add(pin)
    return True


def visible(session: Session, team_id: str, viewer: Viewer) -> list[Pin]:
    """The pins of channels the viewer may know of, the oldest first."""
    return list(
        session.exec(
            select(Pin)
            .where(col(Pin.team_id) == team_id, col(Pin.audience).in_(viewer.audiences))
            .order_by(col(Pin.id))
        )
    )
