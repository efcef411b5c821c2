"""Reading messages of a thread back from Slack. Only reads."""

from collections.abc import Iterator

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from handlers.deps import Payload

#: Threads longer than this are read up to here; Slack allows about 50 such calls a minute.
MAX_MESSAGES = 1000
_PAGE = 200
#: What Slack says where a thread or a channel is gone, or was never ours to see.
GONE = frozenset(
    {"thread_not_found", "message_not_found", "channel_not_found", "not_in_channel", "is_archived"}
)
EVENT_TYPE = "apprentice_message"


def thread_until(
    client: WebClient, channel_id: str, thread_ts: str, message_ts: str
) -> list[Payload]:
    """
    The thread from its root to ``message_ts``, oldest first; empty where that message is gone.

    Raises:
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    messages = list(_replies(client, channel_id, thread_ts, latest=message_ts))
    is_there = any(message["ts"] == message_ts and not _is_gone(message) for message in messages)
    return messages if is_there else []


def thread_with_metadata(
    client: WebClient, channel_id: str, thread_ts: str, *, oldest: str
) -> list[Payload]:
    """What was said in a thread since ``oldest``, with the metadata of our own messages."""
    return list(_replies(client, channel_id, thread_ts, oldest=oldest, include_all_metadata=True))


def channel_with_metadata(client: WebClient, channel_id: str, *, oldest: str) -> list[Payload]:
    """What was said in a channel outside threads since ``oldest``; empty where it is gone."""
    try:
        page = client.conversations_history(
            channel=channel_id, oldest=oldest, inclusive=True, limit=_PAGE,
            include_all_metadata=True,
        )  # fmt: skip
    except SlackApiError as error:
        if error.response.get("error") in GONE:
            return []
        raise
    messages: list[Payload] = page["messages"]
    return messages


def key_of(message: Payload) -> str | None:
    """The outbox key that one of our own messages carries in its metadata."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    key = metadata.get("event_payload", {}).get("key")
    return str(key) if key else None


def metadata(key: str) -> Payload:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def _replies(
    client: WebClient,
    channel_id: str,
    thread_ts: str,
    *,
    oldest: str | None = None,
    latest: str | None = None,
    include_all_metadata: bool = False,
) -> Iterator[Payload]:
    seen = 0
    try:
        pages = client.conversations_replies(
            channel=channel_id, ts=thread_ts, inclusive=True, limit=_PAGE, oldest=oldest,
            latest=latest, include_all_metadata=include_all_metadata,
        )  # fmt: skip
        for page in pages:
            yield from page["messages"]
            seen += len(page["messages"])
            if seen >= MAX_MESSAGES:
                return
    except SlackApiError as error:
        if error.response.get("error") not in GONE:
            raise


def _is_gone(message: Payload) -> bool:
    return message.get("subtype") == "tombstone"
