"""
Small Block Kit builders that respect Slack's limits. Pure.

Too long text is cut with "…" rather than refused: Slack rejects a whole message for one
character too many. Text that people or models wrote goes through ``escape`` first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Block = dict[str, Any]

MAX_BLOCKS = 50
_SECTION, _HEADER, _BUTTON, _CONTEXT_PARTS, _FIELDS, _FIELD = 3000, 150, 75, 10, 10, 2000
_VALUE, _ALT_TEXT, _TITLE, _LABEL, _PLACEHOLDER, _MARKDOWN = 2000, 2000, 24, 2000, 150, 12_000


def escape(text: str) -> str:
    """Make text mean nothing but itself: no mentions, no broadcasts, no labelled links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """Shorten to ``limit`` characters, never through an escaped character or a link."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    for opening, closing in (("<", ">"), ("&", ";")):
        start = kept.rfind(opening)
        if start > kept.rfind(closing) and (opening == "<" or len(kept) - start < 5):
            kept = kept[:start]
    return kept.rstrip() + "…"


def quote(text: str, limit: int) -> str:
    """What somebody wrote as a quotation, cut to ``limit`` characters and escaped."""
    shown = text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
    return "\n".join(f">{line}" for line in escape(shown).splitlines())


def plain(text: str, limit: int = 3000) -> Block:
    return {"type": "plain_text", "text": cut(text, limit) or " ", "emoji": True}


def mrkdwn(text: str, limit: int = _SECTION) -> Block:
    # verbatim: names and addresses in the text stay text.
    return {"type": "mrkdwn", "text": cut(text, limit) or " ", "verbatim": True}


def section(text: str, accessory: Block | None = None, block_id: str | None = None) -> Block:
    return _with({"type": "section", "text": mrkdwn(text)}, accessory=accessory, block_id=block_id)


def fields(*texts: str) -> Block:
    """Two columns of short texts, at most ten."""
    return {"type": "section", "fields": [mrkdwn(text, _FIELD) for text in texts[:_FIELDS]]}


def context(*texts: str) -> Block:
    """Small grey text, at most ten parts."""
    return {"type": "context", "elements": [mrkdwn(text) for text in texts[:_CONTEXT_PARTS]]}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, _HEADER)}


def divider() -> Block:
    return {"type": "divider"}


def markdown(text: str) -> Block:
    """Standard Markdown as models write it; no Slack escaping, so give it safe text only."""
    return {"type": "markdown", "text": cut(text, _MARKDOWN)}


def button(
    text: str,
    action_id: str,
    value: str = "",
    style: Literal["primary", "danger"] | None = None,
    confirm: Block | None = None,
) -> Block:
    element = {"type": "button", "text": plain(text, _BUTTON), "action_id": action_id}
    return _with(element, value=value[:_VALUE] or None, style=style, confirm=confirm)


def overflow(action_id: str, options: Sequence[Block]) -> Block:
    """A menu behind three dots, for at most five things that are rarely wanted."""
    return {"type": "overflow", "action_id": action_id, "options": list(options[:5])}


def confirm(
    title: str,
    text: str,
    yes: str = "Yes",
    no: str = "No",
    style: Literal["primary", "danger"] | None = None,
) -> Block:
    """A question before a button does what it says."""
    dialog = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    return _with(dialog, style=style)


def actions(*elements: Block, block_id: str | None = None) -> Block:
    """At most 25 buttons or menus in a row."""
    return _with({"type": "actions", "elements": list(elements[:25])}, block_id=block_id)


def image(file: str | int, alt_text: str, title: str | None = None) -> Block:
    """A picture: a Slack file id, or the index of one of the message's ``uploads``."""
    file_id = f"upload:{file}" if isinstance(file, int) else file
    block = {
        "type": "image",
        "slack_file": {"id": file_id},
        "alt_text": cut(alt_text, _ALT_TEXT),
    }
    return _with(block, title=plain(title, 2000) if title else None)


def option(text: str, value: str, description: str | None = None) -> Block:
    shown = {"text": plain(text, 75), "value": value[:150]}
    return _with(shown, description=plain(description, 75) if description else None)


def plain_input(
    label: str,
    action_id: str,
    block_id: str | None = None,
    *,
    initial: str = "",
    multiline: bool = False,
    optional: bool = False,
    max_length: int = 3000,
    placeholder: str | None = None,
    hint: str | None = None,
) -> Block:
    element = _with(
        {
            "type": "plain_text_input",
            "action_id": action_id,
            "multiline": multiline,
            "max_length": min(max_length, 3000),
        },
        initial_value=initial[: min(max_length, 3000)] or None,
        placeholder=plain(placeholder, _PLACEHOLDER) if placeholder else None,
    )
    return input_block(label, element, block_id or action_id, optional=optional, hint=hint)


def select(
    label: str,
    action_id: str,
    options: Sequence[Block],
    block_id: str | None = None,
    *,
    initial: Block | None = None,
    optional: bool = False,
) -> Block:
    element = _with(
        {"type": "static_select", "action_id": action_id, "options": list(options[:100])},
        initial_option=initial,
    )
    return input_block(label, element, block_id or action_id, optional=optional)


def radio_buttons(label: str, action_id: str, options: Sequence[Block]) -> Block:
    """A choice of one, at most ten, all in sight."""
    element = {"type": "radio_buttons", "action_id": action_id, "options": list(options[:10])}
    return input_block(label, element, action_id)


def checkboxes(
    label: str,
    action_id: str,
    options: Sequence[Block],
    block_id: str | None = None,
    *,
    initial: Sequence[Block] = (),
    optional: bool = False,
) -> Block:
    element = _with(
        {"type": "checkboxes", "action_id": action_id, "options": list(options[:10])},
        initial_options=list(initial) or None,
    )
    return input_block(label, element, block_id or action_id, optional=optional)


def input_block(
    label: str, element: Block, block_id: str, *, optional: bool = False, hint: str | None = None
) -> Block:
    block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, _LABEL),
        "element": element,
        "optional": optional,
    }
    return _with(block, hint=plain(hint, 2000) if hint else None)


def modal(
    callback_id: str,
    title: str,
    blocks: Sequence[Block],
    *,
    submit: str | None = "Save",
    close: str = "Cancel",
    private_metadata: str = "",
) -> Block:
    view = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, _TITLE),
        "close": plain(close, _TITLE),
        "blocks": list(blocks[:100]),
        "private_metadata": private_metadata,
    }
    return _with(view, submit=plain(submit, _TITLE) if submit else None)


def home(blocks: Sequence[Block]) -> Block:
    return {"type": "home", "blocks": list(blocks[:100])}


def _with(block: Mapping[str, Any], **optional: Any) -> Block:
    """Add what is given: Slack refuses explicit nulls."""
    return {**block, **{key: value for key, value in optional.items() if value is not None}}
