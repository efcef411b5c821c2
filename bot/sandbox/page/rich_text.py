"""`rich_text` blocks: what Slack's own composer and streamed answers produce."""

from collections.abc import Mapping
from typing import Any

from htpy import Node, blockquote, br, code, del_, em, fragment, li, ol, p, pre, span, strong, ul

from bot.sandbox.page import mrkdwn
from bot.sandbox.page.directory import Directory
from bot.sandbox.page.shortcodes import character

Element = Mapping[str, Any]


def render(block: Element, directory: Directory) -> Node:
    """All parts of the block in order."""
    return fragment[[_part(part, directory) for part in block.get("elements", ())]]


def _part(part: Element, directory: Directory) -> Node:
    kind, inside = part.get("type"), part.get("elements", ())
    if kind == "rich_text_list":
        return _list(part, directory)
    if kind == "rich_text_preformatted":
        return pre[code["".join(str(each.get("text") or each.get("url", "")) for each in inside)]]
    wrapped = fragment[[_inline(each, directory) for each in inside]]
    return blockquote[wrapped] if kind == "rich_text_quote" else p(dir="auto")[wrapped]


def _list(part: Element, directory: Directory) -> Node:
    rows = [
        li[fragment[[_inline(each, directory) for each in row.get("elements", ())]]]
        for row in part.get("elements", ())
    ]
    indent = min(int(part.get("indent", 0) or 0), 8)
    tag = ol if part.get("style") == "ordered" else ul
    return tag(style=f"margin-inline-start:{indent * 1.5}rem" if indent else None)[rows]


def _inline(each: Element, directory: Directory) -> Node:
    kind = each.get("type")
    if kind == "user":
        return mrkdwn.user_mention(str(each.get("user_id", "")), directory)
    if kind == "channel":
        return mrkdwn.channel_mention(str(each.get("channel_id", "")), directory)
    if kind == "broadcast":
        return span(".mention.mention-broadcast")[f"@{each.get('range', 'here')}"]
    if kind == "emoji":
        return character(str(each.get("name"))) or f":{each.get('name')}:"
    return _styled(_words(each, kind), each.get("style") or {})


def _words(each: Element, kind: Any) -> Node:
    words = str(each.get("text") or each.get("url") or each.get("fallback") or "")
    if kind == "link":
        return mrkdwn.link(str(each.get("url", "")), words)
    lines = words.split("\n")
    return fragment[[[br, line] if number else line for number, line in enumerate(lines)]]


def _styled(node: Node, style: Mapping[str, Any]) -> Node:
    for name, tag in (("code", code), ("bold", strong), ("italic", em), ("strike", del_)):
        if style.get(name):
            node = tag[node]
    return node
