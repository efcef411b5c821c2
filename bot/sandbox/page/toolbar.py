"""Reactions below a message, and the tools that appear over it."""

from functools import cache

from htpy import Node, button, div, span
from markupsafe import Markup

from bot.sandbox.messages import Message
from bot.sandbox.page.drawing import html
from bot.sandbox.page.frame import Frame
from bot.sandbox.page.icons import icon
from bot.sandbox.page.shortcodes import character

QUICK_REACTIONS = ("white_check_mark", "x")


def reactions(message: Message, frame: Frame) -> Node:
    """Chips with counts; a press adds or takes back one's own."""
    if not message.reactions:
        return None
    chips = []
    for reaction in message.reactions:
        mine = frame.viewer in reaction.users
        names = ", ".join(frame.directory.person(user).name for user in reaction.users)
        words = reaction.name.replace("_", " ")
        chips.append(
            button(
                ".reaction", type="button", data_act="react", data_name=reaction.name,
                aria_pressed=str(mine).lower(), title=f"{names} reacted with :{reaction.name}:",
                aria_label=f"{words}, {len(reaction.users)}, by {names}",
                data_testid=f"reaction-{reaction.name}",
            )[span(".emoji")[character(reaction.name) or f":{reaction.name}:"],
              span(".count")[str(len(reaction.users))]]
        )  # fmt: skip
    add = button(
        ".reaction.reaction-add", type="button", data_act="pick", aria_label="Add reaction"
    )
    return div(".reactions")[chips, add[icon("smile", 16)]]


@cache
def toolbar(pane: str) -> Node:
    """The tools of any message there; drawn once, because each finds its message by its row."""

    def tool(act: str, words: str, drawing: Node, **more: str) -> Node:
        return button(".tool", type="button", data_act=act, title=words, aria_label=words, **more)[
            drawing
        ]

    quick = [
        tool("react", f"React with {name.replace('_', ' ')}", span(".emoji")[character(name)],
             data_name=name, data_testid=f"quick-{name}")
        for name in QUICK_REACTIONS
    ]  # fmt: skip
    reply = tool("open_thread", "Reply in thread", icon("reply"), data_testid="reply")
    tools = div(".toolbar", role="toolbar", aria_label="Message actions")[
        quick,
        tool("pick", "Add reaction", icon("smile"), data_testid="add-reaction"),
        reply if pane == "channel" else None,
        tool("menu", "More actions", icon("more"), data_testid="message-menu"),
    ]
    return Markup(html(tools))
