"""Messages, reactions and files as values, and their shape in Slack's JSON. No rules live here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

Payload = dict[str, Any]


class StreamingState(StrEnum):
    """Where a streamed message stands; Slack's `streaming_state`."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ERRORED = "errored"


@dataclass(slots=True)
class Reaction:
    """One emoji on a message; `users` in order of reacting, never empty."""

    name: str
    users: list[str]

    def to_slack(self) -> Payload:
        return {"name": self.name, "users": list(self.users), "count": len(self.users)}


@dataclass(slots=True)
class File:
    """A file's description; its bytes are kept by the journal. `size` in bytes."""

    id: str
    name: str
    title: str
    mimetype: str
    filetype: str
    size: int
    user: str
    created: int
    channels: list[str] = field(default_factory=list)
    alt_text: str = ""
    complete: bool = False

    def to_slack(self, base_url: str, team_id: str) -> Payload:
        """Return Slack's file object; `base_url` such as `http://127.0.0.1:3000`."""
        private = f"{base_url}/files-pri/{team_id}-{self.id}/{quote(self.name)}"
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title,
            "mimetype": self.mimetype,
            "filetype": self.filetype,
            "pretty_type": self.filetype.upper(),
            "user": self.user,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "is_public": False,
            "editable": False,
            "alt_txt": self.alt_text,
            "url_private": private,
            "url_private_download": private + "?download=1",
            "permalink": f"{base_url}/files/{self.user}/{self.id}",
            "channels": list(self.channels),
            "groups": [],
            "ims": [],
            "comments_count": 0,
        }


@dataclass(slots=True)
class Message:
    """
    One message. `ephemeral_to` is set on those that one person sees and no history has;
    `client_msg_id` on those typed by a person; `bot_id` and `app_id` on those of the app.
    """

    channel: str
    ts: str
    user: str
    text: str = ""
    team: str = ""
    blocks: list[Payload] = field(default_factory=list)
    attachments: list[Payload] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    client_msg_id: str | None = None
    metadata: Payload | None = None
    reactions: list[Reaction] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    edited: Payload | None = None
    ephemeral_to: str | None = None
    streaming_state: StreamingState | None = None
    chunks: list[Payload] = field(default_factory=list)
    username: str | None = None
    icons: Payload | None = None
    broadcast: bool = False
    fields: Payload = field(default_factory=dict)

    @property
    def is_streaming(self) -> bool:
        return self.streaming_state is StreamingState.IN_PROGRESS

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def reaction(self, name: str) -> Reaction | None:
        return next((r for r in self.reactions if r.name == name), None)


def to_slack(
    message: Message,
    files: Sequence[Payload] = (),
    *,
    include_metadata: bool = True,
) -> Payload:
    """Return the message as Slack's history shows it, without thread summary."""
    body: Payload = {"type": "message", "user": message.user, "ts": message.ts,
                     "text": message.text, "team": message.team}  # fmt: skip
    for key in ("subtype", "bot_id", "app_id", "client_msg_id", "thread_ts", "edited", "username",
                "icons", "streaming_state"):  # fmt: skip
        if (value := getattr(message, key)) is not None:
            body[key] = value
    for key in ("blocks", "attachments"):
        if value := getattr(message, key):
            body[key] = value
    if files:
        body["files"] = list(files)
    if message.reactions:
        body["reactions"] = [r.to_slack() for r in message.reactions]
    if include_metadata and message.metadata is not None:
        body["metadata"] = message.metadata
    return body | message.fields


def to_state(message: Message, files: list[Payload]) -> Payload:
    """Return the message with every key of `GET /sandbox/state`."""
    state = asdict(message)
    state["files"] = files
    state["reactions"] = [r.to_slack() for r in message.reactions]
    state["streaming"] = message.is_streaming
    return state
