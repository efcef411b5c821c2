"""
What a message says when its text is empty: the words in its blocks and attachments, as markup.

Pure; takes a message as Slack, or a file that says it is from Slack, gives it, and gives back what
`markup` reads. What has not the shape it should have says nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def text_of(message: Json) -> str:
    """Return the message's text, else that of its blocks, else that of its attachments."""
    if text := str(message.get("text") or "").strip():
        return text
    if text := _join(map(_block, _each(message.get("blocks")))):
        return text
    return _join(map(_attachment, _each(message.get("attachments"))))


def _attachment(attachment: Json) -> str:
    own = (attachment.get(name) for name in ("pretext", "title", "text"))
    said = _join(str(part) for part in own if part)
    said = said or _join(map(_block, _each(attachment.get("blocks"))))
    return said or str(attachment.get("fallback") or "")


def _block(block: Json) -> str:
    match block.get("type"):
        case "rich_text":
            return _join(map(_rich, _each(block.get("elements"))))
        case "section":
            return _join(map(_object, [block.get("text"), *_each(block.get("fields"))]))
        case "header":
            return _object(block.get("text"))
        case "markdown":
            return _escape(str(block.get("text", "")))
        case "context":
            return _join(map(_object, _each(block.get("elements"))))
    return ""


def _object(text: object) -> str:
    """A text object; an image among context elements has no text."""
    if not isinstance(text, Mapping) or not isinstance(text.get("text"), str):
        return ""
    said: str = text["text"]
    return said if text.get("type") == "mrkdwn" else _escape(said)


def _rich(element: Json) -> str:
    parts = _each(element.get("elements"))
    match element.get("type"):
        case "rich_text_list":
            return _join(f"• {_rich(part)}" for part in parts)
        case "rich_text_preformatted":
            return f"```\n{''.join(_inline(parts))}\n```"
        case "rich_text_quote":
            return "\n".join(f"&gt; {line}" for line in "".join(_inline(parts)).splitlines())
    return "".join(_inline(parts))


def _inline(parts: Iterable[Json]) -> Iterator[str]:
    for part in parts:
        match part.get("type"):
            case "text":
                said = _escape(str(part.get("text", "")))
                style = part.get("style")
                yield f"`{said}`" if isinstance(style, Mapping) and style.get("code") else said
            case "link":
                label = _escape(str(part.get("text") or ""))
                yield f"<{part.get('url', '')}|{label}>" if label else f"<{part.get('url', '')}>"
            case "user":
                yield f"<@{part.get('user_id', '')}>"
            case "channel":
                yield f"<#{part.get('channel_id', '')}>"
            case "usergroup":
                yield f"<!subteam^{part.get('usergroup_id', '')}>"
            case "broadcast":
                yield f"<!{part.get('range', 'here')}>"
            case "emoji":
                yield f":{part.get('name', '')}:"
            case "date":
                yield _escape(str(part.get("fallback") or ""))


def _each(found: object) -> list[Json]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _join(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part.strip())
