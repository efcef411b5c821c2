"""What somebody wants to say, before it is a message. Pure."""

from dataclasses import dataclass, field

from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Payload

MAX_METADATA_BYTES = 16_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say. `blocks` None means "not given", which matters to updates."""

    text: str | None = None
    blocks: list[Payload] | None = None
    attachments: list[Payload] | None = None
    thread_ts: str | None = None
    metadata: Payload | None = None
    broadcast: bool = False
    files: list[str] = field(default_factory=list)
    username: str | None = None
    icons: Payload | None = None
    subtype: str | None = None
    fields: Payload = field(default_factory=dict)


def check_content(draft: Draft) -> None:
    """Raises: SlackError `no_text`, `too_many_attachments`, `metadata_too_large`, ..."""
    text = (draft.text or "").strip()
    if not (text or draft.blocks or draft.attachments or draft.files):
        raise SlackError("no_text")
    if draft.attachments and len(draft.attachments) > 100:
        raise SlackError("too_many_attachments")
    if draft.metadata:
        check_metadata(draft.metadata)


def check_metadata(metadata: Payload) -> None:
    event_type, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(event_type, str) or not event_type or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_format")
    if len(str(metadata).encode()) > MAX_METADATA_BYTES:
        raise SlackError("metadata_too_large")
