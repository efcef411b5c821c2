"""
Tells contributors what became of their examples: one quiet direct message for all that was
decided lately, and about each example once.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from slack_sdk import WebClient
from sqlmodel import Session

from handlers import blocks
from handlers.people import People
from handlers.retry import SLACK_ERRORS
from handlers.review_words import notice
from storage import notices, outbox
from storage.audience import Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.tables import ContributorNotice

log = logging.getLogger(__name__)

#: When to try again where Slack could not be asked.
_AGAIN = timedelta(minutes=10)
#: More examples than these are only counted.
_LISTED = 20


def step(
    database: Database,
    client: WebClient,
    people: People,
    now: Callable[[], datetime] = utc_now,
) -> bool:
    """Tell one person all there is to tell them; returns whether anybody was due."""
    with database.read() as session:
        due = notices.next_due(session, now())
    if due is None:
        return False
    try:
        viewer = people.personal_viewer(people.person(due.user_id))
        channel_id = _conversation(client, due.user_id) if viewer.audiences else ""
    except SLACK_ERRORS as error:
        log.info("%s is told later: %s", due.user_id, error)
        with database.write() as session:
            _put_off(session, due, now())
        return True
    with database.write() as session:
        _tell(session, due, viewer, channel_id, now())
    return True


def _tell(
    session: Session, due: ContributorNotice, viewer: Viewer, channel_id: str, now: datetime
) -> None:
    rows = notices.untold(session, due.team_id, due.user_id)
    ids = [row.example_id for row in rows]
    found = notices.decided(session, due.team_id, viewer, ids)
    for row in rows:
        row.told_at = now
        session.add(row)
    if not found:
        return
    text = notice(found[:_LISTED])
    if len(found) > _LISTED:
        text += f"\nand {len(found) - _LISTED} more."
    outbox.put(
        # An example's id is never given again; a notice's is, once its example is erased.
        session, due.team_id, f"fate:{due.id}:{due.example_id}",
        channel_id=channel_id, text=text, blocks=[blocks.section(text)],
    )  # fmt: skip


def _put_off(session: Session, due: ContributorNotice, now: datetime) -> None:
    for row in notices.untold(session, due.team_id, due.user_id):
        row.due_at = max(row.due_at, now + _AGAIN)
        session.add(row)


def _conversation(client: WebClient, user_id: str) -> str:
    return str(client.conversations_open(users=user_id)["channel"]["id"])
