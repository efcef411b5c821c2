"""The page's skeleton: regions that are filled later, and the dialogs shared by all.

Stable for tests (`data-testid`): sidebar, acting-as, act-as-<user>, channel-<id>, dm-<user>,
home-link, place-title, channel-list, thread-pane, thread-list, thread-close, message-<ts>,
thread-<ts>, composer-channel, composer-thread, send-channel, send-thread, quick-<reaction>,
reaction-<name>, add-reaction, pick-<name>, message-menu, action-<action_id>, modal, modal-submit,
modal-close, error-<block_id>, home, banner, guide, guide-step-<n>, guide-do-<n>, toast, shortcuts.
"""

from htpy import (
    Node,
    aside,
    button,
    dialog,
    div,
    form,
    fragment,
    h1,
    h2,
    header,
    img,
    kbd,
    main,
    nav,
    p,
    span,
    textarea,
)  # fmt: skip

from bot.sandbox.page.icons import icon
from bot.sandbox.page.shortcodes import PICKER, character


def skeleton() -> Node:
    """Everything inside the body, empty."""
    return div("#page")[
        aside("#sidebar", aria_label="Workspace", data_testid="sidebar")[
            div("#side-scroll"), div("#side-switch")
        ],
        div("#scrim", data_act="close_drawer"),
        _main(),
        _thread(),
        aside("#guide", hidden=True, aria_label="The first five minutes", data_testid="guide"),
        _overlays(),
    ]


def _main() -> Node:
    return main("#main")[
        header(".bar")[
            button(
                "#drawer-button.tool", type="button", data_act="open_drawer",
                aria_label="Open channels", data_testid="drawer",
            )[icon("menu", 20)],
            div("#place"),
            div("#bar-tools"),
        ],
        div("#next-step"),
        nav("#tabs", aria_label="Apprentice"),
        div("#banner", role="status", data_testid="banner"),
        div("#channel-scroll.scroller", tabindex="-1")[
            div("#channel-list.list", role="log", aria_label="Messages", aria_live="polite",
                data_testid="channel-list")
        ],
        div("#home", hidden=True, data_testid="home"),
        div("#channel-status.status", role="status"),
        composer("channel"),
        button("#channel-latest.to-latest", type="button", data_act="to_latest",
               data_pane="channel", hidden=True)["New messages"],
    ]  # fmt: skip


def _thread() -> Node:
    return aside("#thread", hidden=True, aria_label="Thread", data_testid="thread-pane")[
        header(".bar")[
            div(".place-words")[h2["Thread"], span("#thread-place")],
            button(
                ".tool", type="button", data_act="close_thread", aria_label="Close thread",
                data_testid="thread-close",
            )[icon("close", 20)],
        ],
        div("#thread-scroll.scroller", tabindex="-1")[
            div("#thread-list.list", role="log", aria_label="Replies", aria_live="polite",
                data_testid="thread-list")
        ],
        div("#thread-status.status", role="status"),
        composer("thread"),
    ]  # fmt: skip


def composer(pane: str) -> Node:
    """Where people write; its text lives in the browser until it is sent."""
    return div(f"#{pane}-foot.foot")[
        form(".composer", data_pane=pane)[
            div(".suggestions", role="listbox", id=f"{pane}-suggestions", hidden=True),
            textarea(
                rows="1", dir="auto", data_testid=f"composer-{pane}", aria_label="Message",
                aria_controls=f"{pane}-suggestions", autocomplete="off", enterkeyhint="send",
            ),
            div(".composer-tools")[
                button(".tool", type="button", data_act="insert", data_text="@",
                       title="Mention somebody", aria_label="Mention somebody")["@"],
                button(".tool", type="button", data_act="insert", data_text="/apprentice ",
                       title="Command", aria_label="Write a command")["/"]
                if pane == "channel"
                else None,
                button(".tool", type="button", data_act="pick_text", title="Emoji",
                       aria_label="Insert emoji")[icon("smile")],
                span(".keys")[kbd["Enter"], " to send, ", kbd["Shift Enter"], " for a new line"],
                button(".send", type="submit", aria_label="Send", disabled=True,
                       data_testid=f"send-{pane}")[icon("send")],
            ],
        ],
        div(".foot-notice", id=f"{pane}-notice", hidden=True),
    ]  # fmt: skip


def _overlays() -> Node:
    return fragment[
        div("#people-menu.menu", popover=True, aria_label="Act as"),
        div("#shortcuts-menu.menu", popover=True, role="menu", aria_label="Shortcuts"),
        div("#message-menu.menu", popover=True, role="menu", aria_label="Message actions"),
        div("#picker.menu.picker", popover=True, aria_label="Choose a reaction")[
            (
                button(
                    type="button", data_act="picked", data_name=name, title=f":{name}:",
                    aria_label=name.replace("_", " "), data_testid=f"pick-{name}",
                )[character(name)]
                for name in PICKER
            )
        ],
        dialog("#modal", aria_labelledby="modal-title", data_testid="modal"),
        dialog("#confirm", aria_labelledby="confirm-title", data_testid="confirm")[
            form(method="dialog")[
                h2("#confirm-title"),
                p("#confirm-text"),
                div(".dialog-buttons")[
                    button("#confirm-no.button", value="no")["Cancel"],
                    button("#confirm-yes.button.primary", value="yes",
                           data_testid="confirm-yes")["Confirm"],
                ],
            ]
        ],
        dialog("#lightbox", aria_label="Picture")[
            button(".tool", type="button", data_act="close_lightbox", aria_label="Close picture")[
                icon("close", 22)
            ],
            img(src="data:,", alt=""),
        ],
        div("#toast", popover="manual", role="status", aria_live="polite", data_testid="toast"),
        h1(".visually-hidden", id="page-title")["Apprentice sandbox"],
    ]  # fmt: skip
