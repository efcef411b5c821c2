"""Emoji on messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.sandbox.changes import ChangeKind
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message, Reaction

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

EMOJI_NAME = re.compile(r"^[a-z0-9_+'\-]{1,100}(::skin-tone-[2-6])?$")
MAX_PER_PERSON = 23
MAX_DISTINCT = 50


class Reactions:
    """Adding and taking back reactions."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def add(self, user: str, channel: str, ts: str, name: str) -> Message:
        """
        React with an emoji by its name without colons.

        Raises: SlackError `already_reacted`, `too_many_reactions`, `too_many_emoji`,
        `invalid_name`, `message_not_found`, `channel_not_found`, `not_in_channel`.
        """
        message = self._message(user, channel, ts)
        reaction = message.reaction(checked_name(name))
        if reaction and user in reaction.users:
            raise SlackError("already_reacted")
        if sum(user in r.users for r in message.reactions) >= MAX_PER_PERSON:
            raise SlackError("too_many_reactions")
        if reaction:
            reaction.users.append(user)
        elif len(message.reactions) >= MAX_DISTINCT:
            raise SlackError("too_many_emoji")
        else:
            message.reactions.append(Reaction(name, [user]))
        self._tell(message)
        self._workspace.events.reaction("reaction_added", user, name, message)
        return message

    def remove(self, user: str, channel: str, ts: str, name: str) -> Message:
        """Raises: SlackError `no_reaction` and those of `add`."""
        message = self._message(user, channel, ts)
        reaction = message.reaction(checked_name(name))
        if reaction is None or user not in reaction.users:
            raise SlackError("no_reaction")
        reaction.users.remove(user)
        message.reactions = [r for r in message.reactions if r.users]
        self._tell(message)
        self._workspace.events.reaction("reaction_removed", user, name, message)
        return message

    def _message(self, user: str, channel: str, ts: str) -> Message:
        place = self._workspace.channel_of_member(channel, user)
        if place.is_archived:
            raise SlackError("is_archived")
        message = self._workspace.message(place.id, ts)
        if message.subtype == "tombstone":
            raise SlackError("message_not_found")
        return message

    def _tell(self, message: Message) -> None:
        self._workspace.changed(
            ChangeKind.MESSAGE, message.ts, channel=message.channel, thread_ts=message.thread_ts
        )


def checked_name(name: str) -> str:
    if not EMOJI_NAME.match(name):
        raise SlackError("invalid_name")
    return name
