"""The payloads of commands and interactions, as Slack fills them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.messages import Message, Payload
from bot.sandbox.people import APP_ID, TEAM_DOMAIN, Channel

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace


def command_payload(
    workspace: Workspace, user: str, place: Channel, command: str, text: str, response_url: str
) -> Payload:
    """Return a slash command's payload; in it all values are strings."""
    return {
        "token": "sandbox",
        "team_id": workspace.team_id,
        "team_domain": TEAM_DOMAIN,
        "channel_id": place.id,
        "channel_name": channel_name(place),
        "user_id": user,
        "user_name": workspace.user(user).name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": workspace.modals.new_trigger(user),
    }


def interaction(workspace: Workspace, type_: str, user: str, view_id: str | None = None) -> Payload:
    """Return what all interactions have; `view_id` is the modal a trigger may push onto."""
    person = workspace.user(user)
    return {
        "type": type_,
        "user": {"id": user, "username": person.name, "name": person.name,
                 "team_id": person.team_id},
        "api_app_id": APP_ID,
        "token": "sandbox",
        "trigger_id": workspace.modals.new_trigger(user, view_id),
        "team": {"id": workspace.team_id, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "action_ts": workspace.clock.next_ts(),
    }  # fmt: skip


def container_of(message: Message) -> Payload:
    """Return where a button was pressed."""
    container: Payload = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    return container | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def channel_of(place: Channel) -> Payload:
    return {"id": place.id, "name": channel_name(place)}


def channel_name(place: Channel) -> str:
    """Return the name an app is told: private places are not named."""
    if place.is_direct:
        return "directmessage"
    return "privategroup" if place.is_private else place.name
