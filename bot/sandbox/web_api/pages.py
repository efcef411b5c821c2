"""Cursors: Slack hands out long lists in pieces."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Payload
from bot.sandbox.web_api.arguments import Arguments

T = TypeVar("T")


def page_of(
    things: Sequence[T], arguments: Arguments, default: int, high: int = 1000
) -> tuple[list[T], Payload]:
    """
    Return one piece of a list and the answer's `response_metadata`.

    Raises: SlackError `invalid_cursor`, `invalid_limit`.
    """
    limit = arguments.number("limit", default, 1, high, "invalid_limit")
    start = start_of(arguments.text("cursor"))
    end = start + limit
    cursor = cursor_to(end) if end < len(things) else ""
    return list(things[start:end]), {"next_cursor": cursor}


def cursor_to(position: int) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def start_of(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        word, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word != "next":
            raise SlackError("invalid_cursor")
        return int(position)
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
