"""Saying once, where it concerns people, what the bot decided by itself about a version."""

import re

from sqlmodel import Session

from storage import outbox, runs
from storage.audience import WORKSPACE
from storage.tables import ModelVersion

_PERSON = re.compile(r"[UW][A-Z0-9]+")


def place_of(session: Session, version: ModelVersion, by: str) -> str | None:
    """
    Where a version is spoken of: its private channel, else where it was trained, else to ``by``.

    None where nobody in Slack has to do with it.
    """
    if version.audience != WORKSPACE:
        return version.audience
    run = runs.get(session, version.team_id, version.run_id)
    if run is not None and run.channel_id:
        return run.channel_id
    return by if _PERSON.fullmatch(by) else None


def tell(session: Session, team_id: str, key: str, channel_id: str | None, text: str) -> None:
    """Leave the message for delivery; a second one under the same key changes nothing."""
    if channel_id is not None and outbox.find(session, team_id, key) is None:
        outbox.put(session, team_id, key, channel_id=channel_id, text=text)
