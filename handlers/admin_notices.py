"""
Tells admins what only they can decide: a direct message to each who may know of it, once.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from slack_sdk import WebClient
from sqlmodel import Session

from handlers import blocks
from handlers.blocks import Block
from handlers.people import People
from handlers.removal import removal_button
from handlers.retry import SLACK_ERRORS
from handlers.run_blocks import approval_buttons
from storage import admin_notices, outbox, runs
from storage.columns import utc_now
from storage.database import Database
from storage.tables import AdminNotice, Deployment, Run, RunState

log = logging.getLogger(__name__)

#: When to try again where Slack could not be asked.
_AGAIN = timedelta(minutes=10)


def step(
    database: Database,
    client: WebClient,
    people: People,
    now: Callable[[], datetime] = utc_now,
) -> bool:
    """Tell the admins one thing; returns whether there was any."""
    with database.read() as session:
        due = admin_notices.next_due(session, now())
        is_decided = due is not None and not _still_waits(session, due)
    if due is None:
        return False
    try:
        told = {} if is_decided else _who(people, client, due.audience)
    except SLACK_ERRORS as error:
        log.info("Admins are told later: %s", error)
        with database.write() as session:
            session.get_one(AdminNotice, due.id).not_before = now() + _AGAIN
        return True
    if not told and not is_decided:
        log.warning("There is no admin to tell: %s", due.text)
    with database.write() as session:
        row = session.get_one(AdminNotice, due.id)
        for user_id, channel_id in told.items():
            _tell(session, row, user_id, channel_id)
        row.told_at = now()
        session.add(row)
    return True


def settle(session: Session, run: Run, words: str) -> None:
    """Say in what the admins were told about a run how it was decided, in place of the buttons."""
    if row := admin_notices.of_run(session, run.team_id, run.id or 0):
        _settle(session, row, words)


def settle_deployment(session: Session, deployment: Deployment, words: str) -> None:
    """Say it in what the admins were told about a deployment, in place of the button."""
    for row in admin_notices.of_deployment(session, deployment.team_id, deployment.id or 0):
        _settle(session, row, words)


def _settle(session: Session, row: AdminNotice, words: str) -> None:
    text = f"{row.text} {words}"
    for message in outbox.with_prefix(session, row.team_id, f"admin:{row.id}:"):
        outbox.put(
            session, row.team_id, message.key,
            channel_id=message.channel_id, text=text, blocks=[blocks.section(text)],
        )  # fmt: skip


def _still_waits(session: Session, row: AdminNotice) -> bool:
    run = runs.get(session, row.team_id, row.run_id) if row.run_id else None
    return run is None or (run.state is RunState.WAITING and not run.cancel_requested_by)


def _who(people: People, client: WebClient, audience: str) -> dict[str, str]:
    """The admins who may know of the audience now, each with their direct conversation."""
    return {
        user_id: str(client.conversations_open(users=user_id)["channel"]["id"])
        for user_id in sorted(people.admins())
        if audience in people.personal_viewer(people.person(user_id)).audiences
    }


def _tell(session: Session, row: AdminNotice, user_id: str, channel_id: str) -> None:
    shown: list[Block] = [blocks.section(row.text)]
    if row.run_id is not None:
        shown.append(approval_buttons(row.run_id))
    if row.deployment_id is not None:
        shown.append(blocks.actions(removal_button(row.deployment_id)))
    outbox.put(
        session, row.team_id, f"admin:{row.id}:{user_id}",
        channel_id=channel_id, text=row.text, blocks=shown,
    )  # fmt: skip
