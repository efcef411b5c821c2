"""The pieces of a stream besides text: tasks, plans and sources."""

from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Payload

KINDS = {
    "markdown_text": ("text",),
    "task_update": ("id", "title", "status"),
    "plan_update": ("title",),
    "blocks": ("blocks",),
}


def add_chunks(shown: list[Payload], chunks: list[Payload]) -> str:
    """
    Put task and plan chunks into `shown`, a later one of the same task replacing the earlier, and
    return the text of the others.

    Raises: SlackError `invalid_chunks`.
    """
    text = ""
    for chunk in chunks:
        check_chunk(chunk)
        if chunk["type"] == "markdown_text":
            text += chunk["text"]
        else:
            _replace(shown, chunk)
    return text


def check_chunk(chunk: Payload) -> None:
    needed = KINDS.get(chunk.get("type", "")) if isinstance(chunk, dict) else None
    if needed is None or any(key not in chunk for key in needed):
        raise SlackError("invalid_chunks")


def _replace(shown: list[Payload], chunk: Payload) -> None:
    for place, earlier in enumerate(shown):
        if (earlier["type"], earlier.get("id")) == (chunk["type"], chunk.get("id")):
            shown[place] = earlier | chunk
            return
    shown.append(chunk)
