"""Posting, changing and deleting messages, with Slack's rules about whose and where."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bot.sandbox.blocks import check_message_blocks
from bot.sandbox.changes import ChangeKind
from bot.sandbox.drafts import Draft, check_content
from bot.sandbox.errors import SlackError
from bot.sandbox.markup import as_stored, as_typed, rich_text
from bot.sandbox.messages import Message
from bot.sandbox.people import APP_ID, BOT_ID, Channel

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

MAX_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000


class Chat:
    """The messages of the workspace and who may touch them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def post(self, user: str, channel: str, draft: Draft, *, silent: bool = False) -> Message:
        """
        Post into a channel, a direct message or (by a user's id) one's direct message with them.

        Raises: SlackError `channel_not_found`, `not_in_channel`, `is_archived`, `no_text`,
        `invalid_blocks`, `thread_not_found`, ...
        """
        return self.post_anywhere(user, self._place(channel, user), draft, silent=silent)

    def post_anywhere(
        self, user: str, place: Channel, draft: Draft, *, silent: bool = False
    ) -> Message:
        """Post without asking whether the author is in the channel; `silent` may be empty."""
        if not silent:
            check_content(draft)
        message = self._compose(user, place, draft)
        message.thread_ts = self._thread_root(place, draft.thread_ts)
        message.broadcast = draft.broadcast and message.thread_ts is not None
        self.keep(message)
        if message.app_id:
            self._workspace.statuses.clear(place.id, message.thread_ts)
        if not silent:
            self._workspace.events.message_posted(message)
        return message

    def post_typed(
        self, user: str, channel: str, text: str, thread_ts: str | None = None,
        files: list[str] | None = None,
    ) -> Message:  # fmt: skip
        """Post what a person typed: `@Name`, `#channel` and links become Slack's markup."""
        draft = Draft(as_typed(self._workspace, text), thread_ts=thread_ts, files=files or [])
        return self.post(user, channel, draft)

    def post_ephemeral(self, user: str, channel: str, to: str, draft: Draft) -> Message:
        """Show a message to one member of the channel only. Raises: `user_not_in_channel`, ..."""
        place = self._place(channel, user)
        if len(draft.text or "") > MAX_TEXT:
            raise SlackError("msg_too_long")
        if to not in place.members:
            raise SlackError("user_not_in_channel")
        return self.whisper(user, place, to, draft)

    def whisper(self, user: str, place: Channel, to: str, draft: Draft) -> Message:
        """Show an ephemeral message without asking whether its author is in the channel."""
        check_content(draft)
        message = self._compose(user, place, draft)
        message.thread_ts = draft.thread_ts
        message.ephemeral_to = to
        self._workspace.ephemerals.append(message)
        self._tell(ChangeKind.EPHEMERAL, message)
        return message

    def ephemeral_changed(self, message: Message) -> None:
        self._tell(ChangeKind.EPHEMERAL, message)

    def dismiss(self, ts: str, viewer: str) -> None:
        """Take an ephemeral message out of a person's sight."""
        for message in self._workspace.ephemerals:
            if (message.ts, message.ephemeral_to) == (ts, viewer):
                self._workspace.ephemerals.remove(message)
                self._tell(ChangeKind.EPHEMERAL, message)
                return

    def update(self, user: str, channel: str, ts: str, draft: Draft) -> Message:
        """
        Change one's own message.

        Raises: SlackError `message_not_found`, `cant_update_message`, `streaming_state_conflict`,
        `msg_too_long`, `no_text`, `invalid_blocks`.
        """
        place = self._workspace.channel(channel, user)
        message = self._workspace.message(place.id, ts)
        if message.user != user or message.subtype == "tombstone":
            raise SlackError("cant_update_message")
        if message.is_streaming:
            raise SlackError("streaming_state_conflict")
        if draft.text is not None and len(draft.text) > MAX_UPDATE_TEXT:
            raise SlackError("msg_too_long")
        before = self._workspace.shown(message)
        self.change(message, draft)
        if draft.text is not None:
            message.edited = {"user": user, "ts": f"{int(self._workspace.clock.now())}.000000"}
        self.keep(message)
        self._workspace.events.message_changed(message, before)
        return message

    def change(self, message: Message, draft: Draft) -> None:
        """Put a draft's content into a message, by the rules of `chat.update`."""
        check_content(draft)
        if draft.blocks is not None:
            message.blocks = check_message_blocks(draft.blocks)
        elif draft.text is not None:
            message.blocks = rich_text(message.text) if message.client_msg_id else []
        if draft.text is not None:
            message.text = as_stored(draft.text)
        if draft.attachments is not None:
            message.attachments = draft.attachments
        if draft.metadata is not None:
            message.metadata = draft.metadata or None

    def delete(self, user: str, channel: str, ts: str) -> None:
        """
        Delete one's own message; workspace admins may delete anybody's. A root with replies stays
        as a tombstone, as in Slack.

        Raises: SlackError `message_not_found`, `cant_delete_message`.
        """
        place = self._workspace.channel(channel, user)
        message = self._workspace.message(place.id, ts)
        if message.subtype == "tombstone":
            raise SlackError("message_not_found")
        if message.user != user and not self._workspace.users[user].is_admin:
            raise SlackError("cant_delete_message")
        before = self._workspace.shown(message)
        if any(self._workspace.replies(place.id, ts)):
            self._bury(message)
        else:
            del self._workspace.messages[place.id][ts]
            self._tell(ChangeKind.MESSAGE_GONE, message)
        self._workspace.events.message_deleted(message, before)

    def permalink(self, user: str, channel: str, ts: str) -> str:
        """Return an address that the page opens at the message."""
        place = self._workspace.channel(channel, user)
        message = self._workspace.message(place.id, ts)
        link = f"{self._workspace.base_url}/archives/{place.id}/p{ts.replace('.', '')}"
        if message.is_reply:
            link += f"?thread_ts={message.thread_ts}&cid={place.id}"
        return link

    def keep(self, message: Message) -> None:
        """Store a new or changed message and tell of it."""
        self._workspace.messages[message.channel][message.ts] = message
        self._tell(ChangeKind.MESSAGE, message)

    def _place(self, channel: str, user: str) -> Channel:
        workspace = self._workspace
        if channel.startswith("#"):
            named = (c.id for c in workspace.channels.values() if f"#{c.name}" == channel)
            channel = next(named, channel)
        if channel in workspace.users and channel != user:
            channel = workspace.conversations.open_direct(user, channel).id
        place = workspace.channel_of_member(channel, user)
        if place.is_archived:
            raise SlackError("is_archived")
        return place

    def _compose(self, user: str, place: Channel, draft: Draft) -> Message:
        author = self._workspace.users[user]
        text = as_stored((draft.text or "")[:MAX_TEXT])
        message = Message(
            place.id, self._workspace.clock.next_ts(), user, text, author.team_id,
            blocks=check_message_blocks(draft.blocks or []), attachments=draft.attachments or [],
            metadata=draft.metadata, files=list(draft.files), username=draft.username,
            icons=draft.icons, subtype=draft.subtype, fields=dict(draft.fields),
        )  # fmt: skip
        if author.is_bot:
            message.bot_id, message.app_id = BOT_ID, APP_ID
        elif draft.subtype is None:
            message.client_msg_id = secrets.token_hex(16)
            message.blocks = message.blocks or rich_text(text)
        return message

    def _thread_root(self, place: Channel, thread_ts: str | None) -> str | None:
        """Return the root a reply belongs to and make that message a root."""
        if not thread_ts:
            return None
        root = self._workspace.messages[place.id].get(thread_ts)
        if root is None:
            raise SlackError("thread_not_found")
        if root.is_reply:
            return root.thread_ts
        if root.thread_ts is None:
            root.thread_ts = root.ts
        self.keep(root)
        return root.ts

    def _bury(self, message: Message) -> None:
        message.subtype, message.user = "tombstone", "USLACKBOT"
        message.text, message.blocks, message.files = "This message was deleted.", [], []
        message.reactions, message.metadata, message.bot_id = [], None, None
        message.attachments, message.client_msg_id, message.app_id = [], None, None
        self.keep(message)

    def _tell(self, kind: ChangeKind, message: Message) -> None:
        self._workspace.changed(
            kind, message.ts, channel=message.channel, thread_ts=message.thread_ts,
            user=message.ephemeral_to,
        )  # fmt: skip
