"""Pinning one channel to a version, or to prompting alone, whatever is live elsewhere."""

from pathlib import Path

from sqlmodel import Session

from bot.answering.promotion import earned, find_version, strategy_of
from bot.answering.strategy import BASE, Strategy
from bot.errors import NotFoundError
from storage import audit, pins
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import ModelVersion, Pin


def pin_version(
    session: Session,
    team_id: str,
    channel_id: str,
    audience: str,
    version_name: str,
    by: str,
    viewer: Viewer,
    home: Path | None = None,
) -> ModelVersion:
    """
    Let one version answer in a channel. ``viewer`` is the channel's.

    Raises:
        NotFoundError: no such version, or not for this channel; names the nearest.
        NotEarnedError: it may not answer, or cannot; says why.
    """
    version = find_version(session, team_id, version_name, viewer)
    evaluation = earned(session, version, home)
    pin = _pin(session, team_id, channel_id, audience, by)
    pin.version_id = version.id
    _keep(session, pin, strategy_of(version, evaluation), by)
    return version


def pin_prompting(session: Session, team_id: str, channel_id: str, audience: str, by: str) -> None:
    """Let the base model answer in a channel, with examples in its prompt."""
    pin = _pin(session, team_id, channel_id, audience, by)
    pin.version_id = None
    _keep(session, pin, BASE, by)


def unpin(session: Session, team_id: str, channel_id: str, by: str) -> None:
    """
    Let what is live answer in a channel again.

    Raises:
        NotFoundError: it is not pinned.
    """
    pin = pins.find(session, team_id, channel_id)
    if pin is None:
        raise NotFoundError("This channel is not pinned: what is live answers here.")
    session.delete(pin)
    _record(session, pin, by, "channel.unpinned")


def _pin(session: Session, team_id: str, channel_id: str, audience: str, by: str) -> Pin:
    pin = pins.find(session, team_id, channel_id) or Pin(
        team_id=team_id, channel_id=channel_id, audience=audience, examples=0, pinned_by=by
    )
    pin.audience, pin.pinned_by, pin.pinned_at = audience, by, utc_now()
    return pin


def _keep(session: Session, pin: Pin, strategy: Strategy, by: str) -> None:
    pin.examples, pin.scale = strategy.examples, strategy.scale
    session.add(pin)
    session.flush()
    _record(session, pin, by, "channel.pinned", to=strategy.version_name or "prompting")


def _record(session: Session, pin: Pin, by: str, action: str, **details: str) -> None:
    audit.record(
        session,
        pin.team_id,
        actor=by,
        action=action,
        subject=f"channel:{pin.channel_id}",
        audience=pin.audience,
        details=details,
    )
