"""
Slack's markup of message text: what is stored, what a person types, and the `rich_text` block of
what people type. Pure but for looking up names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.sandbox.messages import Payload

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

CONTROL = re.compile(
    r"<(?:@[UW][A-Z0-9]+(?:\|[^<>]*)?|#[CG][A-Z0-9]+(?:\|[^<>]*)?"
    r"|![a-z]+(?:\^[^<>|]*)*(?:\|[^<>]*)?|(?:https?://|mailto:|tel:)[^<>\s|]+(?:\|[^<>]*)?)>"
)
LOOSE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
BARE_URL = re.compile(r"\bhttps?://[^\s<>|`\"]+[^\s<>|`\"'.,;:!?)\]}*_~]")
TYPED_NAME = re.compile(r"(?<![\w<])@([A-Za-z][\w.\-]*)")
TYPED_CHANNEL = re.compile(r"(?<![\w<&])#([a-z0-9_\-]+)")
BROADCASTS = ("here", "channel", "everyone")


def escape(text: str) -> str:
    """Escape the three characters that mean something to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_stored(text: str) -> str:
    """Return text as Slack stores it: loose `&`, `<`, `>` escaped and bare addresses made links."""
    return _outside_controls(text, _plain)


def _outside_controls(text: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for control in CONTROL.finditer(text):
        parts += [change(text[end : control.start()]), control.group()]
        end = control.end()
    return "".join([*parts, change(text[end:])])


def _plain(text: str) -> str:
    text = LOOSE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    return BARE_URL.sub(lambda url: f"<{url.group()}>", text)


def as_typed(workspace: Workspace, text: str) -> str:
    """
    Return what Slack's own client would send for text typed by a person. Markup that is there
    already, such as a mention picked from a list, stays.
    """
    users = {u.name.lower(): u.id for u in workspace.users.values()}
    users |= {u.real_name.split()[0].lower(): u.id for u in workspace.users.values()}
    channels = {c.name: c.id for c in workspace.channels.values() if not c.is_direct}

    def mention(name: re.Match[str]) -> str:
        word = name.group(1).rstrip(".-")
        rest = name.group(1)[len(word) :]
        if word.lower() in BROADCASTS:
            return f"<!{word.lower()}>{rest}"
        user = users.get(word.lower())
        return f"<@{user}>{rest}" if user else name.group()

    def channel(name: re.Match[str]) -> str:
        found = channels.get(name.group(1))
        return f"<#{found}|{name.group(1)}>" if found else name.group()

    def typed(words: str) -> str:
        return TYPED_CHANNEL.sub(channel, TYPED_NAME.sub(mention, escape(words)))

    return _outside_controls(text, typed)


def rich_text(text: str) -> list[Payload]:
    """Return the block Slack's client adds to typed text; `text` as stored. Styles are left out."""
    if not text:
        return []
    elements: list[Payload] = []
    end = 0
    for control in CONTROL.finditer(text):
        elements += _words(text[end : control.start()])
        elements.append(_element(control.group()[1:-1]))
        end = control.end()
    elements += _words(text[end:])
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": "typed", "elements": [section]}]


def _words(text: str) -> list[Payload]:
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return [{"type": "text", "text": plain}] if plain else []


def _element(control: str) -> Payload:
    target, _, label = control.partition("|")
    match target[0]:
        case "@":
            return {"type": "user", "user_id": target[1:]}
        case "#":
            return {"type": "channel", "channel_id": target[1:]}
        case "!":
            return {"type": "broadcast", "range": target[1:].partition("^")[0]}
    return {"type": "link", "url": target} | ({"text": label} if label else {})
