"""Checks Block Kit content as Slack does, and fills in the ids Slack would give."""

import json
import secrets
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.sandbox.block_kit.layout import MessageBlocks, ViewOf
from bot.sandbox.errors import SlackError
from bot.sandbox.inputs import elements_of
from bot.sandbox.messages import Payload

MAX_VIEW_BYTES = 250_000
MAX_MARKDOWN = 12_000


def check_message_blocks(blocks: list[Payload]) -> list[Payload]:
    """
    Return the blocks with their ids.

    Raises: SlackError `invalid_blocks` with a JSON pointer to each fault, `msg_blocks_too_long`.
    """
    if not blocks:
        return []
    content = {"blocks": blocks}
    complaints = complaints_of(MessageBlocks, content) or duplicates(blocks, "/blocks")
    markdown = sum(len(b["text"]) for b in blocks if b.get("type") == "markdown" and "text" in b)
    if markdown > MAX_MARKDOWN:
        raise SlackError("msg_blocks_too_long")
    if complaints:
        messages = [f"[ERROR] {c}" for c in complaints]
        raise SlackError("invalid_blocks", *messages, errors=complaints)
    return with_ids(blocks)


def check_view(content: Payload, type_: str) -> Payload:
    """
    Return a view's content with block ids.

    Raises: SlackError `invalid_arguments` with a JSON pointer to each fault, `view_too_large`.
    """
    if len(json.dumps(content).encode()) > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    complaints = complaints_of(ViewOf, {"view": content})
    if not complaints and content["type"] != type_:
        complaints = [f"must be a view of type {type_} [json-pointer:/view/type]"]
    complaints = complaints or duplicates(content["blocks"], "/view/blocks")
    if complaints:
        raise SlackError("invalid_arguments", *(f"[ERROR] {c}" for c in complaints))
    return content | {"blocks": with_ids(content["blocks"])}


def complaints_of(model: type[BaseModel], content: Payload) -> list[str]:
    """Return what is wrong with content, each with a JSON pointer, in Slack's words."""
    try:
        model.model_validate(content)
    except ValidationError as faults:
        return [
            f"{_words(f['type'], f.get('ctx', {}), f['msg'], f['loc'])} "
            f"[json-pointer:{_pointer(content, f['loc'], f['type'])}]"
            for f in faults.errors(include_url=False)
        ]
    return []


def duplicates(blocks: list[Payload], where: str) -> list[str]:
    """Complain of block_ids used twice, and of action_ids used twice in one block."""
    complaints, seen = [], set()
    for place, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is not None and block_id in seen:
            complaints.append(f"duplicate block_id {block_id} [json-pointer:{where}/{place}]")
        seen.add(block_id)
        actions = [e["action_id"] for e in elements_of(block) if e.get("action_id")]
        complaints += [
            f"`action_id` `{a}` already exists [json-pointer:{where}/{place}]"
            for a in dict.fromkeys(actions)
            if actions.count(a) > 1
        ]
    return complaints


def with_ids(blocks: list[Payload]) -> list[Payload]:
    """Return copies in which every block and interactive element has an id."""
    copies: list[Payload] = json.loads(json.dumps(blocks))
    for block in copies:
        block["block_id"] = block.get("block_id") or secrets.token_urlsafe(4)[:5]
        for element in elements_of(block):
            if element["type"] != "image":
                element["action_id"] = element.get("action_id") or secrets.token_urlsafe(4)[:5]
    return copies


def _words(kind: str, context: dict[str, Any], message: str, location: tuple[Any, ...]) -> str:
    match kind:
        case "string_too_long":
            return f"must be less than {context['max_length'] + 1} characters"
        case "string_too_short":
            return f"must be more than {context['min_length'] - 1} characters"
        case "too_long":
            return f"no more than {context['max_length']} items allowed"
        case "too_short":
            return f"no less than {context['min_length']} items allowed"
        case "missing" | "union_tag_not_found":
            return f"missing required field: {location[-1] if kind == 'missing' else 'type'}"
        case "extra_forbidden":
            return f"invalid additional property: {location[-1]}"
        case "union_tag_invalid":
            return f"unsupported type: {context['tag']}"
    return message.removeprefix("Value error, ")


def _pointer(content: Any, location: tuple[Any, ...], kind: str) -> str:
    """Return the path in the content itself: pydantic's path names the kinds of blocks as well."""
    path, here = "", content
    for step in location[:-1] if kind in ("missing", "extra_forbidden") else location:
        if not _leads_on(here, step):
            continue
        here = here[step]
        path += f"/{step}"
    return path


def _leads_on(here: Any, step: int | str) -> bool:
    if isinstance(here, list):
        return isinstance(step, int) and step < len(here)
    return isinstance(here, dict) and step in here
