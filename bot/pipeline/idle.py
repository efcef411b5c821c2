"""Deployments that cost money and answer nobody: reported, and removed where that is allowed."""

from datetime import timedelta

from sqlmodel import Session

from bot.budget import per_day
from bot.pipeline.vanished import HOST
from bot.pipeline.workshop import Workshop
from storage import admin_notices, deployments
from storage.tables import Deployment, DeploymentState, ModelVersion

#: How exactly it is known when a deployment was of use last: every commit wakes all workers.
USED_EXACTLY = timedelta(hours=1)


def note_use(workshop: Workshop, found: Deployment) -> Deployment:
    """A version answers, so its deployment is of use and stays."""
    now = workshop.now()
    is_noted = found.used_at is not None and now - found.used_at < USED_EXACTLY
    if is_noted and not found.removal_by:
        return found
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        if row.version_id in deployments.of_use(session):
            row.used_at = now
            if row.removal_by:
                # It may be gone already: the next look sees.
                row.removal_by, row.doubted_at = None, now
                deployments.record(session, row, "deployment.kept", HOST)
            session.add(row)
        return row


def judge_use(workshop: Workshop, found: Deployment, *, is_automatic: bool) -> None:
    """Say what an idle one costs, once and then every week; or have it removed."""
    rule = workshop.idle
    with workshop.database.read() as session:
        row = session.get_one(Deployment, found.id)
    is_paid = row.state is DeploymentState.READY and row.hosting_per_hour > 0
    if row.used_at is None or not is_paid or row.removal_by:
        return
    days = (workshop.now() - row.used_at) / timedelta(days=1)
    if days < rule.days:
        return
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        if row.version_id in deployments.of_use(session):
            return  # promoted a moment ago
        if rule.may_remove and is_automatic:
            deployments.ask_to_remove(session, row, HOST)
            return
        name = session.get_one(ModelVersion, row.version_id).name
        after = (
            "If nobody needs it, remove it: promoting it later deploys it again, in some minutes."
            if is_automatic
            else f"Delete `{row.name}` in Azure's portal if nobody needs it."
        )
        text = (
            f"The deployment of *{name}* at `{row.trainer}` costs {per_day(row.hosting_per_hour)} "
            f"and has answered nobody for {_in_words(days)}. {after}"
        )
        key = f"idle:{row.id}:{int((days - rule.days) // 7)}"
        offered = row.id if is_automatic else None
        admin_notices.put(session, row.team_id, row.audience, key, text, deployment_id=offered)


def tell_of_removal(session: Session, row: Deployment, days: float) -> None:
    """What the bot removed by itself it says."""
    name = session.get_one(ModelVersion, row.version_id).name
    text = (
        f"I removed the deployment of *{name}*: it answered nobody for {_in_words(days)}, and "
        f"AZURE_REMOVE_IDLE allows it. That saves {per_day(row.hosting_per_hour)}. "
        f"`/apprentice promote {name}` deploys it again."
    )
    admin_notices.put(session, row.team_id, row.audience, f"removed:{row.id}", text)


def _in_words(days: float) -> str:
    return f"{days:.0f} day{'' if round(days) == 1 else 's'}"
