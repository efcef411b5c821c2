"""
Tells admins what only they can decide: a direct message to each who may know of it, once.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from handlers import blocks
from handlers.blocks import Block
from handlers.people import People
from handlers.retry import SLACK_ERRORS
from handlers.run_blocks import approval_buttons
from storage import admin_notices, outbox
from storage.columns import utc_now
from storage.database import Database
from storage.tables import AdminNotice

log = logging.getLogger(__name__)

#: When to try again where Slack could not be asked.
_AGAIN = timedelta(minutes=10)


def step(database: Database, people: People, now: Callable[[], datetime] = utc_now) -> bool:
    """Tell the admins one thing; returns whether there was any."""
    with database.read() as session:
        due = admin_notices.next_due(session, now())
    if due is None:
        return False
    try:
        told = _who(people, due.audience)
    except SLACK_ERRORS as error:
        log.info("Admins are told later: %s", error)
        with database.write() as session:
            session.get_one(AdminNotice, due.id).not_before = now() + _AGAIN
        return True
    if not told:
        log.warning("There is no admin to tell: %s", due.text)
    with database.write() as session:
        row = session.get_one(AdminNotice, due.id)
        for user_id in told:
            _tell(session, row, user_id)
        row.told_at = now()
        session.add(row)
    return True


def _who(people: People, audience: str) -> list[str]:
    """The admins who may know of the audience now."""
    return [
        user_id
        for user_id in sorted(people.admins())
        if audience in people.personal_viewer(people.person(user_id)).audiences
    ]


def _tell(session: Session, row: AdminNotice, user_id: str) -> None:
    shown: list[Block] = [blocks.section(row.text)]
    if row.run_id is not None:
        shown.append(approval_buttons(row.run_id))
    outbox.put(
        session, row.team_id, f"admin:{row.id}:{user_id}",
        channel_id=user_id, text=row.text, blocks=shown,
    )  # fmt: skip
