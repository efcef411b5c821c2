"""The calls that put one outbox row into Slack. Knows no table but the row it is given."""

import logging
from collections.abc import Sequence
from pathlib import Path

from slack_sdk import WebClient

from handlers import blocks
from handlers.deps import Payload
from handlers.retry import SLACK_ERRORS, is_passing
from handlers.thread import metadata
from storage.tables import OutboxKind, OutboxMessage

log = logging.getLogger(__name__)

#: `chat.update` takes no longer text; the blocks carry the whole.
MAX_TEXT = 3900


def send(client: WebClient, row: OutboxMessage, *, with_blocks: bool = True) -> str | None:
    """
    Post the row, or bring its message up to date; returns the message's ts.

    Raises:
        SlackApiError, URLError: see ``handlers.retry`` for what passes.
    """
    shown = content(row) if with_blocks else []
    if row.kind is OutboxKind.EPHEMERAL:
        client.chat_postEphemeral(
            channel=row.channel_id, user=row.user_id or "", thread_ts=row.thread_ts,
            text=fallback(row), blocks=shown or None,
        )  # fmt: skip
        return None
    if row.message_ts:
        if row.kind is OutboxKind.STREAM:
            _stop_stream(client, row)
        client.chat_update(
            channel=row.channel_id, ts=row.message_ts, text=fallback(row), blocks=shown,
            metadata=metadata(row.key),
        )  # fmt: skip
        return row.message_ts
    posted = client.chat_postMessage(
        channel=row.channel_id, thread_ts=row.thread_ts, text=fallback(row),
        blocks=shown or None, metadata=metadata(row.key), unfurl_links=False, unfurl_media=False,
    )  # fmt: skip
    return str(posted["ts"])


def content(row: OutboxMessage) -> list[Payload]:
    """The blocks to show; an answer's text is Markdown and stands above what belongs to it."""
    shown = [_with_file_id(block, row.uploads) for block in row.blocks]
    if row.kind is OutboxKind.STREAM:
        return [blocks.markdown(row.text), *shown]
    return shown[: blocks.MAX_BLOCKS]


def fallback(row: OutboxMessage) -> str:
    text = row.text
    if row.kind is OutboxKind.STREAM:
        # Generated text is harmless already; loose brackets only look better escaped.
        text = text.replace("<", "&lt;").replace(">", "&gt;")
    return blocks.cut(text, MAX_TEXT) or " "


def upload(client: WebClient, picture: Payload) -> str:
    """
    Upload one picture, shared nowhere yet; returns its file id.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    path = Path(picture["path"])
    answer = client.files_upload_v2(
        file=str(path), filename=path.name, title=picture["title"], alt_txt=picture["alt_text"]
    )
    return str(answer["file"]["id"])


def _stop_stream(client: WebClient, row: OutboxMessage) -> None:
    """
    A message that is still being streamed takes no update; mostly it is closed already.

    Raises:
        SlackApiError, URLError: it may still be open, and can be closed later.
    """
    try:
        client.chat_stopStream(channel=row.channel_id, ts=row.message_ts or "")
    except SLACK_ERRORS as error:
        if is_passing(error):
            raise
        log.debug("%s was not being streamed: %s", row.key, error)


def _with_file_id(block: Payload, uploads: Sequence[Payload]) -> Payload:
    """Put an uploaded picture's file id where a block names it as ``upload:<number>``."""
    name = str(block.get("slack_file", {}).get("id", ""))
    if not name.startswith("upload:"):
        return block
    return {**block, "slack_file": {"id": uploads[int(name.removeprefix("upload:"))]["file_id"]}}
