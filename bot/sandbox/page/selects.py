"""Elements that offer a choice: selects, people, conversations, radio buttons, checkboxes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from htpy import Node, fieldset, input, label, legend, optgroup, option, select, small, span

from bot.sandbox.page import text
from bot.sandbox.page.attributes import attributes
from bot.sandbox.page.frame import Block, Frame


def _chosen_values(element: Block, block_id: str, frame: Frame) -> set[str]:
    state = frame.state(block_id, str(element.get("action_id"))) or {}
    one = state.get("selected_option", element.get("initial_option"))
    many = state.get("selected_options", element.get("initial_options")) or ()
    return {str(each.get("value")) for each in (*((one,) if one else ()), *many)}


def static_select(element: Block, block_id: str, frame: Frame) -> Node:
    """One option of a list, or several where the type begins with multi_."""
    chosen = _chosen_values(element, block_id, frame)

    def offered(options: Iterable[Mapping[str, Any]]) -> list[Node]:
        return [
            option(value=str(o.get("value")), selected=str(o.get("value")) in chosen)[
                text.words(o.get("text"))
            ]
            for o in options
        ]

    groups = [
        optgroup(label=text.words(group.get("label")))[offered(group.get("options", ()))]
        for group in element.get("option_groups") or ()
    ]
    return _select(element, block_id, [*offered(element.get("options", ())), *groups], not chosen)


def _select(element: Block, block_id: str, offered: Sequence[Node], unset: bool) -> Node:
    several = str(element.get("type", "")).startswith("multi_")
    hint = text.words(element.get("placeholder")) or "Choose…"
    return select(
        ".select", data_change="block_action", data_input=True, multiple=several,
        aria_label=hint, **attributes(element, block_id),
    )[
        None if several else option(value="", disabled=True, hidden=True, selected=unset)[hint],
        offered,
    ]  # fmt: skip


def users_select(element: Block, block_id: str, frame: Frame) -> Node:
    """A person, or several."""
    state = frame.state(block_id, str(element.get("action_id"))) or {}
    several = state.get("selected_users", element.get("initial_users")) or []
    chosen = {state.get("selected_user", element.get("initial_user")), *several} - {None}
    people = [
        option(value=each.id, selected=each.id in chosen)[each.name]
        for each in frame.directory.people.values()
    ]
    return _select(element, block_id, people, not chosen)


def conversations_select(element: Block, block_id: str, frame: Frame) -> Node:
    """A conversation the viewer may know of, or several."""
    state = frame.state(block_id, str(element.get("action_id"))) or {}
    single = (
        ("selected_conversation", "selected_channel"),
        ("initial_conversation", "initial_channel"),
    )
    chosen = {
        *(state.get(name) or element.get(initial) for name, initial in zip(*single, strict=True)),
        *(state.get("selected_conversations") or element.get("initial_conversations") or ()),
    } - {None}
    places = [
        option(value=each.id, selected=each.id in chosen)[
            each.name if each.kind == "im" else f"#{each.name}"
        ]
        for each in frame.directory.places.values()
    ]
    return _select(element, block_id, places, not chosen)


def choices(kind: str) -> Callable[[Block, str, Frame], Node]:
    """Radio buttons or checkboxes; `kind` is the input\'s type."""

    def draw(element: Block, block_id: str, frame: Frame) -> Node:
        chosen = _chosen_values(element, block_id, frame)
        name = f"{frame.key}-{block_id}-{element.get('action_id', '')}"
        return fieldset(".choices", data_input=True, **attributes(element, block_id))[
            legend(".visually-hidden")["Choices"],
            (
                label[
                    input(
                        type=kind, name=name, value=str(each.get("value")),
                        checked=str(each.get("value")) in chosen, data_change="block_action",
                    ),
                    span[
                        text.inline(each.get("text"), frame.directory),
                        small[text.inline(each["description"], frame.directory)]
                        if each.get("description")
                        else None,
                    ],
                ]
                for each in element.get("options", ())
            ),
        ]  # fmt: skip

    return draw
