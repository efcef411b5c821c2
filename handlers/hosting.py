"""Deployments as people see them: what each costs a day, a button that removes an idle one."""

from functools import partial

from slack_bolt import Ack, App, Respond
from sqlmodel import Session

from bot.budget import per_day
from bot.errors import NotFoundError
from handlers import blocks
from handlers.admin_notices import settle_deployment
from handlers.blocks import Block
from handlers.deps import Deps, Payload
from handlers.people import Person
from handlers.removal import removal_button
from handlers.run_actions import admin
from storage import deployments
from storage.audience import Viewer
from storage.tables import Deployment, ModelVersion

#: A message would grow too long otherwise.
LISTED = 10


def register(app: App, deps: Deps) -> None:
    app.action("undeploy")(partial(on_undeploy, deps=deps))


def on_undeploy(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "remove a deployment", deps)
    words = undeploy(body["team"]["id"], int(action["value"]), person, deps)
    respond(text=words, response_type="ephemeral", replace_original=False)


def undeploy(team_id: str, deployment_id: int, person: Person, deps: Deps) -> str:
    """
    Have a deployment removed that answers nobody; says what became of it.

    Raises:
        NotFoundError: it is not there any more, or not for this person.
    """
    viewer = deps.people.personal_viewer(person)
    with deps.database.write() as session:
        found = deployments.visible(session, team_id, viewer)
        row = next((one for one in found if one.id == deployment_id), None)
        if row is None:
            raise NotFoundError("That deployment is not there any more.")
        name = session.get_one(ModelVersion, row.version_id).name
        if row.removal_by:
            return f"The deployment of {name} is being removed already."
        if not deployments.is_idle(session, row):
            return (
                f"{name} answers or is being judged, so its deployment stays. "
                "`/apprentice rollback` lets something else answer."
            )
        deployments.ask_to_remove(session, row, person.user_id)
        settle_deployment(session, row, f"Being removed: <@{person.user_id}> said so.")
    return f"I remove the deployment of {name}. Promoting {name} deploys it again, in some minutes."


def hosting_words(row: Deployment) -> str:
    """``deployed at `azure`, ready: $40.80 a day``."""
    state = "being removed" if row.removal_by else row.state
    return f"deployed at `{row.trainer}`, {state}: {per_day(row.hosting_per_hour)}"


def hosting_section(session: Session, team_id: str, viewer: Viewer) -> list[Block]:
    """What is deployed and what that costs a day; nothing where nothing is."""
    found = deployments.visible(session, team_id, viewer)
    if not found:
        return []
    lines = [
        f"• *{session.get_one(ModelVersion, row.version_id).name}* {hosting_words(row)}"
        for row in found[:LISTED]
    ]
    if len(found) > LISTED:
        lines.append(f"and {len(found) - LISTED} more")
    if len(found) > 1:
        lines.append(f"Together {per_day(sum(row.hosting_per_hour for row in found))}.")
    return [blocks.section("*Hosting*\n" + "\n".join(lines))]


def removal_of(session: Session, row: Deployment | None) -> list[Block]:
    """The button for an idle one, for admins; nothing for what answers."""
    is_offered = row is not None and row.hosting_per_hour > 0 and deployments.is_idle(session, row)
    return [blocks.actions(removal_button(row.id or 0))] if row and is_offered else []
