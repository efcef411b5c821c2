"""The events the app is told of: their bodies, and whether it subscribed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.clock import new_id
from bot.sandbox.messages import Message, Payload
from bot.sandbox.people import BOT_USER_ID, Channel, ChannelKind, User

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

MESSAGE_SUBSCRIPTIONS = {
    ChannelKind.PUBLIC: "message.channels",
    ChannelKind.PRIVATE: "message.groups",
    ChannelKind.DIRECT: "message.im",
}
MENTION = f"<@{BOT_USER_ID}"


class Events:
    """Builds event bodies and queues those the app subscribed to, where it is a member."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def message_posted(self, message: Message) -> None:
        """Tell of a new message, and once more as a mention if it names the app."""
        body = self._workspace.shown(message, include_metadata=self._tells_metadata())
        body |= {"channel": message.channel, "event_ts": message.ts}
        if message.files:
            body["subtype"] = "file_share"
        self._message(message.channel, body)
        channel = self._workspace.channels[message.channel]
        if self._mentions_app(message) and not channel.is_direct:
            mention = {k: v for k, v in body.items() if k != "subtype"} | {"type": "app_mention"}
            self._send("app_mention", channel, mention)

    def message_changed(self, message: Message, before: Payload) -> None:
        after = self._workspace.shown(message, include_metadata=self._tells_metadata())
        self._message(message.channel, {
            "type": "message", "subtype": "message_changed", "hidden": True,
            "channel": message.channel, "ts": self._now_ts(), "event_ts": self._now_ts(),
            "message": after, "previous_message": before,
        })  # fmt: skip

    def message_deleted(self, message: Message, before: Payload) -> None:
        self._message(message.channel, {
            "type": "message", "subtype": "message_deleted", "hidden": True,
            "channel": message.channel, "ts": self._now_ts(), "event_ts": self._now_ts(),
            "deleted_ts": message.ts, "previous_message": before,
        })  # fmt: skip

    def reaction(self, event_type: str, user: str, name: str, message: Message) -> None:
        channel = self._workspace.channels[message.channel]
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        body: Payload = {"type": event_type, "user": user, "reaction": name, "item": item,
                         "item_user": message.user, "event_ts": self._now_ts()}  # fmt: skip
        self._send(event_type, channel, body)

    def membership(self, event_type: str, channel: Channel, user: str, inviter: str | None) -> None:
        body: Payload = {
            "type": event_type,
            "user": user,
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self._workspace.users[user].team_id,
            "event_ts": self._now_ts(),
        }
        if inviter:
            body["inviter"] = inviter
        self._send(event_type, channel, body, also_when_gone=user == BOT_USER_ID)

    def home_opened(self, user: str, tab: str, channel: str, view: Payload | None) -> None:
        body: Payload = {"type": "app_home_opened", "user": user, "channel": channel, "tab": tab,
                         "event_ts": self._now_ts()}  # fmt: skip
        if view is not None:
            body["view"] = view
        self._send_anywhere("app_home_opened", body)

    def user_changed(self, user: User, profile: Payload) -> None:
        now = int(self._workspace.clock.now())
        self._send_anywhere(
            "user_change",
            {"type": "user_change", "user": profile | {"id": user.id}, "cache_ts": now,
             "event_ts": self._now_ts()},
        )  # fmt: skip

    def session_stopped(self, user: str, channel: str, thread_ts: str, message_ts: str) -> None:
        """Tell that a person pressed the stop button of a streaming answer."""
        self._send_anywhere(
            "agent_session_stopped",
            {"type": "agent_session_stopped", "user": user, "channel": channel,
             "thread_ts": thread_ts, "message_ts": message_ts, "event_ts": self._now_ts()},
        )  # fmt: skip

    def _tells_metadata(self) -> bool:
        return "metadata.message:read" in self._workspace.manifest.scopes

    def _mentions_app(self, message: Message) -> bool:
        named = MENTION + ">" in message.text or MENTION + "|" in message.text
        return named and message.app_id is None and message.subtype is None

    def _message(self, channel_id: str, body: Payload) -> None:
        channel = self._workspace.channels[channel_id]
        body["channel_type"] = str(channel.kind)
        self._send(MESSAGE_SUBSCRIPTIONS[channel.kind], channel, body)

    def _send(
        self, subscription: str, channel: Channel, body: Payload, *, also_when_gone: bool = False
    ) -> None:
        if BOT_USER_ID in channel.members or also_when_gone:
            self._send_anywhere(subscription, body, is_ext_shared_channel=channel.is_ext_shared)

    def _send_anywhere(self, subscription: str, body: Payload, **envelope: object) -> None:
        if subscription in self._workspace.manifest.events:
            self._workspace.deliveries.add_event(body, new_id("Ev"), **envelope)

    def _now_ts(self) -> str:
        return self._workspace.clock.next_ts()
