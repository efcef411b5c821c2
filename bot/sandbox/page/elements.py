"""Interactive Block Kit elements: buttons, menus, choices, pictures.

Each carries `data-action` and `data-block`; what was pressed is read in the browser (page.js) and
sent with the message or view around it. Nothing here decides what a press means.
"""

import re
from collections.abc import Callable

from htpy import (
    Node,
    a,
    button,
    div,
    figcaption,
    figure,
    fragment,
    img,
    input,
    span,
)  # fmt: skip

from bot.sandbox.page import selects, text
from bot.sandbox.page.attributes import Attributes, attributes
from bot.sandbox.page.frame import Block, Frame, local_path
from bot.sandbox.page.icons import icon
from bot.sandbox.page.mrkdwn import is_safe_link

_PRIVATE = re.compile(r"^/files-pri/[A-Z0-9]+-(F[A-Z0-9]+)/")  # needs a token the browser lacks


def render(element: Block, block_id: str, frame: Frame) -> Node:
    """Any element; one we do not know is named instead of hidden."""
    draw = _DRAWN.get(str(element.get("type")))
    if draw is None:
        return span(".unsupported")[f"({element.get('type')} is not shown here)"]
    return draw(element, block_id, frame)


def _button(element: Block, block_id: str, frame: Frame) -> Node:
    tone = {"primary": ".primary", "danger": ".danger"}.get(str(element.get("style")), "")
    words = text.inline(element.get("text"), frame.directory)
    shared = attributes(element, block_id) | {
        "data_value": element.get("value"),
        "aria_label": element.get("accessibility_label"),
    }
    url = element.get("url")
    if url and is_safe_link(str(url)):
        target: Attributes = {"href": url, "target": "_blank", "rel": "noopener noreferrer"}
        return a(f".button{tone}", data_act="block_action", **shared, **target)[words]
    return button(f".button{tone}", type="button", data_act="block_action", **shared)[words]


def _icon_button(element: Block, block_id: str, frame: Frame) -> Node:
    allowed = element.get("visible_to_user_ids")
    if allowed and frame.viewer not in allowed:
        return None
    words = text.words(element.get("text"))
    drawing = {"trash": "trash", "edit": "edit"}.get(str(element.get("icon")), "more")
    return button(
        ".icon-button", type="button", data_act="block_action", title=words, aria_label=words,
        data_value=element.get("value"), **attributes(element, block_id),
    )[icon(drawing, 16)]  # fmt: skip


def _feedback(element: Block, block_id: str, frame: Frame) -> Node:
    chosen = frame.pressed.get(str(element.get("action_id")))

    def one(side: str, drawing: str) -> Node:
        each = element.get(side, {})
        words = each.get("accessibility_label") or text.words(each.get("text"))
        value = str(each.get("value", ""))
        return button(
            ".icon-button.feedback", type="button", data_act="block_action", data_value=value,
            title=text.words(each.get("text")), aria_label=words,
            aria_pressed="true" if chosen == value else "false",
            **attributes(element, block_id)
            | {"data_testid": f"action-{element.get('action_id', '')}-{side.split('_')[0]}"},
        )[icon(drawing, 16)]  # fmt: skip

    return fragment[one("positive_button", "thumb_up"), one("negative_button", "thumb_down")]


def _overflow(element: Block, block_id: str, frame: Frame) -> Node:
    menu = f"{frame.key}-{block_id}-{element.get('action_id', '')}"
    return span(".overflow")[
        button(
            ".icon-button", type="button", popovertarget=menu, aria_label="More options",
            data_testid=f"overflow-{element.get('action_id', '')}",
        )[icon("more")],
        div(".menu", id=menu, popover=True, role="menu")[
            (
                button(
                    type="button", role="menuitem", data_act="block_action",
                    data_value=str(each.get("value", "")), **attributes(element, block_id),
                )[text.inline(each.get("text"), frame.directory)]
                for each in element.get("options", ())
            )
        ],
    ]  # fmt: skip


def _picker(kind: str, state_name: str) -> Callable[[Block, str, Frame], Node]:
    def draw(element: Block, block_id: str, frame: Frame) -> Node:
        state = frame.state(block_id, str(element.get("action_id"))) or {}
        value = state.get(state_name, element.get(state_name.replace("selected", "initial")))
        return input(
            ".field", type=kind, value=value, data_change="block_action", data_input=True,
            aria_label=text.words(element.get("placeholder")) or "Choose a date",
            **attributes(element, block_id),
        )  # fmt: skip

    return draw


def image(element: Block, _block_id: str, frame: Frame) -> Node:
    """A picture of this machine; one from elsewhere is offered as a link, never loaded."""
    source, alternative = picture_source(element, frame), str(element.get("alt_text", ""))
    if source is not None:
        return img(".thumb", src=source, alt=alternative, loading="lazy", data_act="enlarge",
                   tabindex="0", role="button")  # fmt: skip
    url = str(element.get("image_url", ""))
    if not is_safe_link(url):
        return span(".unsupported")[alternative or "Picture missing"]
    return a(".outside", href=url, target="_blank", rel="noopener noreferrer nofollow")[
        icon("link", 14), alternative or url
    ]


def picture_source(element: Block, frame: Frame) -> str | None:
    """The local address of an image element or block, None where it is not on this machine."""
    slack_file = element.get("slack_file") or {}
    if file_id := slack_file.get("id"):
        return frame.file_path(str(file_id))
    path = local_path(str(slack_file.get("url") or element.get("image_url") or ""))
    private = _PRIVATE.match(path or "")
    return frame.file_path(private[1]) if private else path


def large_image(block: Block, frame: Frame) -> Node:
    """An image block with its title."""
    title = text.words(block.get("title"))
    return figure(".picture")[figcaption[title] if title else None, image(block, "", frame)]


_DRAWN: dict[str, Callable[[Block, str, Frame], Node]] = {
    "button": _button,
    "icon_button": _icon_button,
    "feedback_buttons": _feedback,
    "overflow": _overflow,
    "static_select": selects.static_select,
    "multi_static_select": selects.static_select,
    "users_select": selects.users_select,
    "multi_users_select": selects.users_select,
    "conversations_select": selects.conversations_select,
    "multi_conversations_select": selects.conversations_select,
    "channels_select": selects.conversations_select,
    "multi_channels_select": selects.conversations_select,
    "checkboxes": selects.choices("checkbox"),
    "radio_buttons": selects.choices("radio"),
    "datepicker": _picker("date", "selected_date"),
    "timepicker": _picker("time", "selected_time"),
    "image": image,
}
