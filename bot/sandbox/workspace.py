"""
The workspace in memory: who and what is there, and who may see it.

Everything runs on one event loop: the Web API, the control paths and the page call these methods
from the server's loop only, so no method needs a lock and none awaits. Every change is told to
`changes` (see there), where the page and the journal listen. Refusals are `SlackError`.

What can be done is split by idea: `chat`, `reactions`, `streams`, `conversations`, `uploads`,
`modals`, `statuses`, and `app` (what people do to the connected app: commands, shortcuts, buttons,
submissions, home). `typed(...)` turns what a person types into Slack's markup.
"""

from collections.abc import Iterator

from bot.sandbox.app_manifest import AppManifest
from bot.sandbox.changes import Change, ChangeKind, Changes
from bot.sandbox.chat import Chat
from bot.sandbox.clock import Clock
from bot.sandbox.connected_app import ConnectedApp
from bot.sandbox.conversations import Conversations
from bot.sandbox.deliveries import Deliveries
from bot.sandbox.errors import SlackError
from bot.sandbox.events import Events
from bot.sandbox.messages import File, Message, Payload, to_slack
from bot.sandbox.modals import Modals
from bot.sandbox.people import BOT_USER_ID, TEAM_ID, Channel, User, first_channels, first_users
from bot.sandbox.reactions import Reactions
from bot.sandbox.statuses import Statuses
from bot.sandbox.streams import Streams
from bot.sandbox.uploads import Uploads
from bot.sandbox.views import View


class Workspace:
    """One team with one app. `base_url` is where people reach it, without a final slash."""

    team_id = TEAM_ID

    def __init__(
        self,
        clock: Clock | None = None,
        manifest: AppManifest | None = None,
        base_url: str = "http://127.0.0.1:3000",
        stream_seconds: float = 300.0,
    ) -> None:
        self.clock = clock or Clock()
        self.manifest = manifest or AppManifest()
        self.base_url = base_url
        self.changes = Changes()
        self.users: dict[str, User] = {u.id: u for u in first_users()}
        self.channels: dict[str, Channel] = {c.id: c for c in first_channels()}
        self.messages: dict[str, dict[str, Message]] = {c: {} for c in self.channels}
        self.ephemerals: list[Message] = []
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.deliveries = Deliveries(self)
        self.events = Events(self)
        self.chat = Chat(self)
        self.reactions = Reactions(self)
        self.streams = Streams(self, stream_seconds)
        self.conversations = Conversations(self)
        self.uploads = Uploads(self)
        self.modals = Modals(self)
        self.statuses = Statuses(self)
        self.app = ConnectedApp(self)

    def changed(self, kind: ChangeKind, key: str, **where: str | None) -> None:
        self.changes.tell(Change(kind, key, **where))

    # Who is there, and who may see what.

    def user(self, user_id: str) -> User:
        """Raises: SlackError `user_not_found`."""
        try:
            return self.users[user_id]
        except KeyError:
            raise SlackError("user_not_found") from None

    def channel(self, channel_id: str, viewer: str) -> Channel:
        """Return a channel the viewer may know of. Raises: SlackError `channel_not_found`."""
        channel = self.channels.get(channel_id)
        if channel is None or not self.can_see(viewer, channel):
            raise SlackError("channel_not_found")
        return channel

    def channel_of_member(self, channel_id: str, member: str) -> Channel:
        """Raises: SlackError `channel_not_found`, `not_in_channel`."""
        channel = self.channel(channel_id, member)
        if member not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def can_see(self, viewer: str, channel: Channel) -> bool:
        """Say whether a channel exists for this person: guests and strangers know only theirs."""
        if viewer in channel.members:
            return True
        user = self.users[viewer]
        outsider = user.is_restricted or user.is_ultra_restricted or user.is_stranger
        return not channel.is_private and not outsider

    def channels_of(self, viewer: str) -> list[Channel]:
        """Return what the viewer's sidebar shows: the channels and direct messages they are in."""
        return [c for c in self.channels.values() if viewer in c.members]

    def is_app(self, user_id: str) -> bool:
        return user_id == BOT_USER_ID

    # What has been said.

    def message(self, channel_id: str, ts: str) -> Message:
        """Return a message of a channel's history. Raises: SlackError `message_not_found`."""
        try:
            return self.messages[channel_id][ts]
        except KeyError:
            raise SlackError("message_not_found") from None

    def timeline(self, channel_id: str, viewer: str) -> list[Message]:
        """Return what the channel shows a person, oldest first: no replies, own ephemerals too."""
        shown = [m for m in self.messages[channel_id].values() if not m.is_reply or m.broadcast] + [
            e for e in self.ephemerals_for(channel_id, viewer) if e.thread_ts is None
        ]
        return sorted(shown, key=lambda m: m.ts)

    def thread(self, channel_id: str, thread_ts: str, viewer: str | None = None) -> list[Message]:
        """Return a thread's root and replies, oldest first; with a viewer, their ephemerals too."""
        shown = [self.message(channel_id, thread_ts), *self.replies(channel_id, thread_ts)]
        if viewer is not None:
            mine = self.ephemerals_for(channel_id, viewer)
            shown += [e for e in mine if e.thread_ts == thread_ts]
        return sorted(shown, key=lambda m: m.ts)

    def replies(self, channel_id: str, thread_ts: str) -> Iterator[Message]:
        return (
            m for m in self.messages[channel_id].values() if m.is_reply and m.thread_ts == thread_ts
        )

    def ephemerals_for(self, channel_id: str, viewer: str) -> list[Message]:
        return [e for e in self.ephemerals if (e.channel, e.ephemeral_to) == (channel_id, viewer)]

    def shown(self, message: Message, *, include_metadata: bool = False) -> Payload:
        """Return a message as Slack's history shows it, with the summary of its thread."""
        body = to_slack(message, self.files_of(message), include_metadata=include_metadata)
        if message.bot_id is not None:
            body["bot_profile"] = {
                "id": message.bot_id, "app_id": message.app_id, "team_id": self.team_id,
                "user_id": message.user, "name": self.manifest.name, "deleted": False,
            }  # fmt: skip
        if message.broadcast:
            body["subtype"] = "thread_broadcast"
        if message.thread_ts == message.ts and message.ts in self.messages[message.channel]:
            replies = list(self.replies(message.channel, message.ts))
            body |= {
                "reply_count": len(replies),
                "reply_users": list(dict.fromkeys(r.user for r in replies))[:5],
                "reply_users_count": len({r.user for r in replies}),
                "latest_reply": replies[-1].ts if replies else message.ts,
                "is_locked": False,
                "subscribed": False,
            }
        elif message.is_reply and (
            root := self.messages[message.channel].get(message.thread_ts or "")
        ):
            body["parent_user_id"] = root.user
        return body

    def files_of(self, message: Message) -> list[Payload]:
        return [
            self.files[f].to_slack(self.base_url, self.team_id)
            for f in message.files
            if f in self.files
        ]
