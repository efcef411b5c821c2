"""Messages that are written while people watch: start, append, stop, and the end by old age."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.blocks import check_message_blocks
from bot.sandbox.changes import ChangeKind
from bot.sandbox.chunks import add_chunks
from bot.sandbox.drafts import Draft, check_metadata
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message, Payload, StreamingState

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

MAX_MARKDOWN = 12_000
MAX_BLOCKS = 50


class Streams:
    """The messages being streamed. A stream older than `seconds` no longer takes text."""

    def __init__(self, workspace: Workspace, seconds: float) -> None:
        self._workspace = workspace
        self.seconds = seconds
        self._started: dict[tuple[str, str], float] = {}
        self._stopped: set[tuple[str, str]] = set()

    def start(
        self, user: str, channel: str, thread_ts: str, markdown: str, chunks: list[Payload],
        recipient_team: str | None = None, recipient_user: str | None = None,
    ) -> Message:  # fmt: skip
        """
        Begin a message in a thread; in channels it must say for whom.

        Raises: SlackError `missing_recipient_team_id`, `missing_recipient_user_id`,
        `msg_too_long`, `user_not_found`, and what posting raises.
        """
        place = self._workspace.channel_of_member(channel, user)
        if not place.is_direct:
            self._check_recipient(recipient_team, recipient_user)
        draft = Draft(thread_ts=thread_ts)
        check_markdown(markdown)
        message = self._workspace.chat.post(user, place.id, draft, silent=True)
        message.streaming_state = StreamingState.IN_PROGRESS
        self._started[message.channel, message.ts] = self._workspace.clock.now()
        self._write(message, markdown, chunks)
        self._workspace.events.message_posted(message)
        return message

    def append(
        self, user: str, channel: str, ts: str, markdown: str, chunks: list[Payload]
    ) -> None:
        """Raises: SlackError `message_not_in_streaming_state`, `message_not_owned_by_app`, ..."""
        message = self._open_stream(user, channel, ts)
        if not markdown and not chunks:
            raise SlackError("no_text")
        check_markdown(markdown)
        self._write(message, markdown, chunks)

    def stop(
        self, user: str, channel: str, ts: str, markdown: str, chunks: list[Payload],
        blocks: list[Payload] | None = None, metadata: Payload | None = None,
    ) -> Message:  # fmt: skip
        """End a stream; `blocks` are shown below its text. Raises as `append` does."""
        message = self._open_stream(user, channel, ts)
        check_markdown(markdown)
        if metadata:
            check_metadata(metadata)
            message.metadata = metadata
        if blocks and len(blocks) > MAX_BLOCKS:
            raise SlackError("msg_blocks_too_many")
        if blocks:
            message.blocks = check_message_blocks(blocks)
        before = self._workspace.shown(message)
        self._write(message, markdown, chunks)
        self._close(message, StreamingState.COMPLETED)
        self._workspace.events.message_changed(message, before)
        return message

    def stop_by_user(self, message: Message) -> None:
        """End a stream because a person pressed stop; later text is refused."""
        self._stopped.add((message.channel, message.ts))
        self._close(message, StreamingState.COMPLETED)

    def expire(self) -> None:
        """Close the streams that are too old. Their text stays as it is."""
        too_old = self._workspace.clock.now() - self.seconds
        for (channel, ts), started in list(self._started.items()):
            if started <= too_old:
                self._close(self._workspace.message(channel, ts), StreamingState.ERRORED)

    def close_all(self) -> None:
        """Close every stream, as a restart of the workspace does."""
        for messages in self._workspace.messages.values():
            for message in messages.values():
                if message.is_streaming:
                    self._close(message, StreamingState.ERRORED)

    def _open_stream(self, user: str, channel: str, ts: str) -> Message:
        self.expire()
        place = self._workspace.channel(channel, user)
        message = self._workspace.message(place.id, ts)
        if message.user != user:
            raise SlackError("message_not_owned_by_app")
        if (channel, ts) in self._stopped:
            raise SlackError("stopped_by_user")
        if not message.is_streaming:
            raise SlackError("message_not_in_streaming_state")
        return message

    def _check_recipient(self, team: str | None, user: str | None) -> None:
        if not team:
            raise SlackError("missing_recipient_team_id")
        if not user:
            raise SlackError("missing_recipient_user_id")
        if self._workspace.user(user).team_id != team:
            raise SlackError("user_not_found")

    def _write(self, message: Message, markdown: str, chunks: list[Payload]) -> None:
        message.text += markdown + add_chunks(message.chunks, chunks)
        self._tell(message)

    def _close(self, message: Message, state: StreamingState) -> None:
        self._started.pop((message.channel, message.ts), None)
        message.streaming_state = state
        self._tell(message)

    def _tell(self, message: Message) -> None:
        self._workspace.changed(
            ChangeKind.MESSAGE, message.ts, channel=message.channel, thread_ts=message.thread_ts
        )


def check_markdown(markdown: str) -> None:
    """Raises: SlackError `msg_too_long`."""
    if len(markdown) > MAX_MARKDOWN:
        raise SlackError("msg_too_long")
