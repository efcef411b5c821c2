"""The addresses an app may answer an interaction at: five times within thirty minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.drafts import Draft
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message, Payload
from bot.sandbox.people import BOT_USER_ID

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

USES = 5
SECONDS = 1800.0


@dataclass(slots=True)
class ResponseUrl:
    """Where an interaction happened, and how often it may still be answered."""

    user: str
    channel: str
    message: Message | None
    created: float
    uses_left: int = USES


class ResponseUrls:
    """The response urls handed out."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._by_secret: dict[str, ResponseUrl] = {}

    def new(self, user: str, channel: str, message: Message | None = None) -> str:
        """Return a new address; `message` is the one that was acted upon."""
        secret = secrets.token_urlsafe(24)
        now = self._workspace.clock.now()
        self._by_secret[secret] = ResponseUrl(user, channel, message, now)
        return f"{self._workspace.base_url}/actions/{self._workspace.team_id}/{secret}"

    def answer(self, secret: str, body: Payload) -> None:
        """
        Take an app's answer. Raises: SlackError `expired_url`, `used_url`, `no_text`, ...
        """
        url = self._by_secret.get(secret)
        if url is None or self._workspace.clock.now() - url.created > SECONDS:
            raise SlackError("expired_url")
        if url.uses_left == 0:
            raise SlackError("used_url")
        url.uses_left -= 1
        self.respond(url.user, url.channel, url.message, body)

    def respond(self, user: str, channel: str, acted_on: Message | None, body: Payload) -> None:
        """Do what a response says; also used for the text in a command's acknowledgement."""
        if body.get("delete_original"):
            self._delete(acted_on)
        elif body.get("replace_original") and acted_on is not None:
            self._replace(acted_on, body)
        else:
            self._say(user, channel, acted_on, body)

    def _say(self, user: str, channel: str, acted_on: Message | None, body: Payload) -> None:
        place = self._workspace.channels[channel]
        draft = draft_of(body)
        if draft.thread_ts is None and acted_on is not None and acted_on.is_reply:
            draft = draft_of(body | {"thread_ts": acted_on.thread_ts})
        if body.get("response_type") == "in_channel":
            self._workspace.chat.post_anywhere(BOT_USER_ID, place, draft)
        else:
            self._workspace.chat.whisper(BOT_USER_ID, place, user, draft)

    def _replace(self, message: Message, body: Payload) -> None:
        if message.ephemeral_to is None:
            self._workspace.message(message.channel, message.ts)
        before = self._workspace.shown(message)
        self._workspace.chat.change(message, draft_of(body))
        if message.ephemeral_to:
            self._workspace.chat.ephemeral_changed(message)
        else:
            self._workspace.chat.keep(message)
            self._workspace.events.message_changed(message, before)

    def _delete(self, message: Message | None) -> None:
        if message is None:
            return
        if message.ephemeral_to:
            self._workspace.chat.dismiss(message.ts, message.ephemeral_to)
        else:
            self._workspace.chat.delete(message.user, message.channel, message.ts)


def draft_of(body: dict[str, Any]) -> Draft:
    return Draft(body.get("text"), body.get("blocks"), body.get("attachments"),
                 body.get("thread_ts"), body.get("metadata"))  # fmt: skip
