"""Interactive elements of blocks: finding them, what choosing yields, what a form holds. Pure."""

from collections.abc import Iterator
from typing import Any

from bot.sandbox.errors import ControlError
from bot.sandbox.messages import Payload

TEXT_INPUTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
ONE_OF = {"static_select", "external_select", "radio_buttons", "overflow"}
MANY_OF = {"multi_static_select", "multi_external_select", "checkboxes"}
PLAIN = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
STATELESS = {"button", "overflow", "feedback_buttons", "icon_button", "image", "workflow_button"}


def elements_of(block: Payload) -> list[Payload]:
    """Return a block's interactive elements."""
    match block["type"]:
        case "actions" | "context_actions":
            return list(block["elements"])
        case "input":
            return [block["element"]]
        case "section" if "accessory" in block:
            return [block["accessory"]]
    return []


def all_elements(blocks: list[Payload]) -> Iterator[tuple[Payload, Payload]]:
    """Yield each interactive element after its block."""
    return ((block, element) for block in blocks for element in elements_of(block))


def find_element(
    blocks: list[Payload], action_id: str, value: Any, block_id: str | None
) -> tuple[Payload, Payload]:
    """Return the block and element acted on. Raises: ControlError."""
    found = [
        (block, element)
        for block, element in all_elements(blocks)
        if element.get("action_id") == action_id and block_id in (None, block["block_id"])
    ]
    for block, element in found:
        if element["type"] == "button" and value is not None and element.get("value") != value:
            continue
        return block, element
    offered = sorted({str(e.get("action_id")) for _, e in all_elements(blocks)})
    wanted = action_id if value is None else f"{action_id} with value {value!r}"
    raise ControlError(f"Nothing there has the action_id {wanted}. There is: {offered}.")


def acted(element: Payload, value: Any) -> Payload:
    """Return the entry of `actions` for an element that was pressed or set to `value`."""
    action: Payload = {"action_id": element["action_id"], "type": element["type"]}
    kind = element["type"]
    if kind == "button":
        action |= {k: element[k] for k in ("text", "value", "style", "url") if k in element}
    elif kind == "feedback_buttons":
        action |= _feedback(element, value)
    elif kind == "icon_button":
        action |= {k: element[k] for k in ("icon", "text", "value") if k in element}
    else:
        action |= chosen(element, value)
    return action


def _feedback(element: Payload, value: Any) -> Payload:
    buttons = (element["positive_button"], element["negative_button"])
    for button in buttons:
        if button["value"] == value:
            return {"value": value, "text": button["text"]}
    raise ControlError(f"The feedback buttons' values are {[b['value'] for b in buttons]}.")


def chosen(element: Payload, value: Any) -> Payload:
    """Return an element's state after `value` was typed or chosen; Slack's own form is kept."""
    kind = element["type"]
    if isinstance(value, dict) and "type" in value:
        return value
    if kind in TEXT_INPUTS:
        return {"type": kind, "value": None if value in (None, "") else str(value)}
    if kind == "rich_text_input":
        return {"type": kind, "rich_text_value": value}
    if kind in ONE_OF:
        return {"type": kind, "selected_option": _option(element, value) if value else None}
    if kind in MANY_OF:
        return {"type": kind, "selected_options": [_option(element, v) for v in value or ()]}
    if kind in PLAIN:
        return {"type": kind, PLAIN[kind]: value}
    raise ControlError(f"The sandbox cannot set elements of type {kind}.")


def _option(element: Payload, value: Any) -> Payload:
    groups = element.get("option_groups") or ()
    options = [*element.get("options", ()), *(o for g in groups for o in g["options"])]
    wanted = value["value"] if isinstance(value, dict) else value
    for option in options:
        if option["value"] == wanted:
            return dict(option)
    raise ControlError(f"There is no option {wanted!r}; there are {[o['value'] for o in options]}.")


def initial(element: Payload) -> Payload:
    """Return an untouched element's state."""
    kind = element["type"]
    if kind in TEXT_INPUTS:
        return {"type": kind, "value": element.get("initial_value")}
    if kind == "rich_text_input":
        return {"type": kind, "rich_text_value": element.get("initial_value")}
    if kind in ONE_OF:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in MANY_OF:
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    key = PLAIN[kind]
    return {"type": kind, key: element.get(key.replace("selected", "initial", 1))}


def state_of(blocks: list[Payload], values: Payload) -> Payload:
    """
    Return `state.values` of a form: what was filled in, and the initial state elsewhere.

    Raises: ControlError where `values` names what is not there.
    """
    state: Payload = {}
    for block, element in all_elements(blocks):
        if element["type"] in STATELESS:
            continue
        given = values.get(block["block_id"], {})
        name = element["action_id"]
        filled = chosen(element, given[name]) if name in given else initial(element)
        state.setdefault(block["block_id"], {})[name] = filled
    for block_id, given in values.items():
        if unknown := set(given) - set(state.get(block_id, {})):
            raise ControlError(f"The form has no field {block_id} → {', '.join(sorted(unknown))}.")
    return state


def wrong_lengths(blocks: list[Payload], state: Payload) -> dict[str, str]:
    """Return a sentence for each text that is too short or too long, by block_id."""
    wrong: dict[str, str] = {}
    for block, element in all_elements(blocks):
        if element["type"] not in TEXT_INPUTS:
            continue
        text = state[block["block_id"]][element["action_id"]]["value"]
        low, high = element.get("min_length", 0), element.get("max_length", 3000)
        if text and not low <= len(text) <= high:
            wrong[block["block_id"]] = f"Please write {low} to {high} characters."
    return wrong


def missing_inputs(blocks: list[Payload], state: Payload) -> list[str]:
    """Return the block_ids of required inputs that are empty."""
    return [
        block["block_id"]
        for block in blocks
        if block["type"] == "input"
        and not block.get("optional")
        and not any(
            v
            for k, v in state[block["block_id"]][block["element"]["action_id"]].items()
            if k != "type"
        )
    ]
