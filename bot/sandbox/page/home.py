"""The app's home: its two tabs and the home view it published."""

from htpy import Node, a, div, fragment, p, span

from bot.sandbox.page import blocks
from bot.sandbox.page.frame import Frame
from bot.sandbox.page.icons import SPROUT
from bot.sandbox.views import View


def tabs(current: str, app_user: str) -> Node:
    """Home and Messages."""

    def tab(name: str, words: str, act: str, **more: str) -> Node:
        return a(
            ".tab", href="/home", data_act=act, data_testid=f"tab-{name}",
            aria_current="page" if current == name else None, **more,
        )[words]  # fmt: skip

    return fragment[
        tab("home", "Home", "open_home"),
        tab("messages", "Messages", "open_direct", data_user=app_user),
    ]


def render(view: View | None, frame: Frame, is_connected: bool) -> Node:
    """The published home, or what stands there until there is one."""
    if view is None:
        words = "Nothing here yet." if is_connected else "Apprentice is starting. Its home follows."
        return div(".home-empty")[span(".mark", aria_hidden="true")[SPROUT], p[words]]
    return div(".home-view", id=f"home-{view.id}", data_view=view.id)[
        blocks.render(view.content["blocks"], frame)
    ]
