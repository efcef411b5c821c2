"""Deciding to wait with a version: nobody gets its answers, and it can be promoted later."""

from datetime import datetime

from sqlmodel import Session

from bot.answering import canary
from bot.answering.promotion import find_version, record
from bot.answering.strategy import live_strategy
from bot.errors import AlreadyLiveError
from storage import canaries
from storage.audience import Viewer
from storage.tables import CanaryState, ModelVersion, VersionState


def hold(
    session: Session, team_id: str, version_name: str, by: str, viewer: Viewer, now: datetime
) -> ModelVersion:
    """
    Note that a person decided to wait; a canary that could promote it by itself ends.

    Raises:
        NotFoundError: no such version, or not for this viewer; names the nearest.
        AlreadyLiveError: it answers already; rolling back is the way.
    """
    version = find_version(session, team_id, version_name, viewer)
    if live_strategy(session, team_id, version.audience).version_name == version.name:
        raise AlreadyLiveError(version.name)
    running = canaries.running(session, team_id, version.audience)
    if running is not None and running.version_id == version.id:
        canary.end(session, running, CanaryState.STOPPED, "A person holds it.", by, now)
    if version.state == VersionState.CANDIDATE:
        version.state = VersionState.HELD
    version.decided_by = by
    session.add(version)
    record(session, "version.held", version, by)
    return version
