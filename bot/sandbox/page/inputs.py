"""Input blocks of modals and homes: label, field, hint and the sentence of a refusal."""

from collections.abc import Callable

from htpy import Node, div, fieldset, fragment, input, label, legend, p, textarea

from bot.sandbox.page import elements, text
from bot.sandbox.page.attributes import attributes
from bot.sandbox.page.frame import Block, Frame
from bot.sandbox.page.icons import icon


def input_block(block: Block, block_id: str, frame: Frame) -> Node:
    """One input; its field is described by the hint and, where there is one, the error."""
    element = block.get("element") or {}
    field_id = f"{frame.key}-{block_id}"
    refused = frame.errors.get(block_id)
    body = fragment[
        _field(element, block_id, field_id, frame),
        p(".hint", id=f"{field_id}-hint")[text.inline(block["hint"], frame.directory)]
        if block.get("hint")
        else None,
        p(".field-error", id=f"{field_id}-error", role="alert", data_testid=f"error-{block_id}")[
            icon("warning", 14), refused
        ]
        if refused
        else None,
    ]
    words = fragment[
        text.inline(block.get("label"), frame.directory),
        " (optional)" if block.get("optional") else None,
    ]
    tone = ".refused" if refused else ""
    if element.get("type") in ("radio_buttons", "checkboxes"):
        return fieldset(f".input{tone}", data_required=not block.get("optional"))[
            legend[words], body
        ]
    return div(f".input{tone}", data_required=not block.get("optional"))[
        label(for_=field_id)[words], body
    ]


def _field(element: Block, block_id: str, field_id: str, frame: Frame) -> Node:
    draw = _TYPED.get(str(element.get("type")))
    if draw is not None:
        return draw(element, block_id, field_id, frame)
    return div(data_field_id=field_id)[elements.render(element, block_id, frame)]


def _plain_text(element: Block, block_id: str, field_id: str, frame: Frame) -> Node:
    state = frame.state(block_id, str(element.get("action_id"))) or {}
    value = state.get("value") or element.get("initial_value") or ""
    shared = attributes(element, block_id) | {
        "id": field_id,
        "data_input": True,
        "placeholder": text.words(element.get("placeholder")) or None,
        "maxlength": element.get("max_length"),
        "autofocus": bool(element.get("focus_on_load")),
        "dir": "auto",
        "aria_describedby": f"{field_id}-hint {field_id}-error",
        "aria_invalid": "true" if frame.errors.get(block_id) else None,
    }
    if element.get("multiline"):
        return textarea(".field", rows="4", **shared)[str(value)]
    return input(".field", type="text", autocomplete="off", value=str(value), **shared)


def _typed(kind: str) -> Callable[[Block, str, str, Frame], Node]:
    def draw(element: Block, block_id: str, field_id: str, frame: Frame) -> Node:
        state = frame.state(block_id, str(element.get("action_id"))) or {}
        decimal = "any" if element.get("is_decimal_allowed") else "1"
        return input(
            ".field", id=field_id, type=kind, data_input=True, autocomplete="off",
            value=str(state.get("value") or element.get("initial_value") or ""),
            step=decimal if kind == "number" else None,
            min=element.get("min_value"), max=element.get("max_value"),
            **attributes(element, block_id),
        )  # fmt: skip

    return draw


_TYPED: dict[str, Callable[[Block, str, str, Frame], Node]] = {
    "plain_text_input": _plain_text,
    "email_text_input": _typed("email"),
    "url_text_input": _typed("url"),
    "number_input": _typed("number"),
}
