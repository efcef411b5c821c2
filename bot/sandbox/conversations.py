"""Channels and direct messages: making them, joining, leaving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.sandbox.changes import ChangeKind
from bot.sandbox.clock import new_id
from bot.sandbox.drafts import Draft
from bot.sandbox.errors import SlackError
from bot.sandbox.people import SLACKBOT_ID, Channel, ChannelKind

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

CHANNEL_NAME = re.compile(r"^[a-z0-9_\-]{1,80}$")


class Conversations:
    """Who is in which channel."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def open_direct(self, user: str, other: str) -> Channel:
        """Return the direct message of two people, made when first asked for."""
        workspace = self._workspace
        workspace.user(other)
        if SLACKBOT_ID in (user, other) or user == other:
            raise SlackError("cannot_dm_bot")
        for channel in workspace.channels.values():
            if channel.is_direct and {user, other} == set(channel.members):
                return channel
        pair = sorted((user, other), key=workspace.is_app)
        channel = Channel(new_id("D"), "", ChannelKind.DIRECT, pair, creator=user)
        self._keep(channel)
        return channel

    def create(self, creator: str, name: str, *, private: bool = False) -> Channel:
        """Raises: SlackError `name_taken`, `invalid_name_specials`, `restricted_action`."""
        workspace = self._workspace
        if not CHANNEL_NAME.match(name):
            raise SlackError("invalid_name_specials")
        if any(c.name == name for c in workspace.channels.values()):
            raise SlackError("name_taken")
        if workspace.user(creator).is_restricted:
            raise SlackError("restricted_action")
        kind = ChannelKind.PRIVATE if private else ChannelKind.PUBLIC
        channel = Channel(new_id("C"), name, kind, [creator], creator=creator,
                          created=int(workspace.clock.now()))  # fmt: skip
        self._keep(channel)
        return channel

    def invite(self, inviter: str, channel_id: str, user: str) -> Channel:
        """Raises: SlackError `already_in_channel`, `user_not_found`, `not_in_channel`."""
        channel = self._workspace.channel_of_member(channel_id, inviter)
        self._workspace.user(user)
        if user in channel.members:
            raise SlackError("already_in_channel")
        return self._enter(channel, user, inviter)

    def join(self, user: str, channel_id: str) -> Channel:
        """Join a public channel; being in it already is no error."""
        channel = self._workspace.channel(channel_id, user)
        if channel.is_private and user not in channel.members:
            raise SlackError("method_not_supported_for_channel_type")
        return channel if user in channel.members else self._enter(channel, user, None)

    def leave(self, user: str, channel_id: str) -> None:
        """Raises: SlackError `not_in_channel`, `cant_leave_general`."""
        channel = self._workspace.channel_of_member(channel_id, user)
        if channel.is_general:
            raise SlackError("cant_leave_general")
        channel.members.remove(user)
        self._keep(channel)
        self._workspace.events.membership("member_left_channel", channel, user, None)

    def set_members(self, channel: Channel, members: list[str]) -> None:
        """Make exactly these people members; each who comes or goes is an event."""
        for user in [m for m in channel.members if m not in members]:
            channel.members.remove(user)
            self._keep(channel)
            self._workspace.events.membership("member_left_channel", channel, user, None)
        for user in [m for m in members if m not in channel.members]:
            self._enter(channel, user, None)

    def changed(self, channel: Channel) -> None:
        """Store and tell of a channel whose fields were set."""
        self._keep(channel)

    def _enter(self, channel: Channel, user: str, inviter: str | None) -> Channel:
        channel.members.append(user)
        self._keep(channel)
        self._workspace.events.membership("member_joined_channel", channel, user, inviter)
        draft = Draft(f"<@{user}> has joined the channel", subtype="channel_join")
        self._workspace.chat.post(user, channel.id, draft)
        return channel

    def _keep(self, channel: Channel) -> None:
        self._workspace.channels[channel.id] = channel
        self._workspace.messages.setdefault(channel.id, {})
        self._workspace.changed(ChangeKind.CHANNEL, channel.id, channel=channel.id)
