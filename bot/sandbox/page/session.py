"""One browser tab: who is acting, what is open, and what the browser was told last.

Draws only what differs. Changes of the workspace are gathered for a moment, so that a streamed
answer costs one small patch of one row each time.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from htpy import Node

from bot.sandbox.changes import Change, ChangeKind
from bot.sandbox.messages import Message
from bot.sandbox.page import address, conversation, standing, surroundings
from bot.sandbox.page.address import HOME, Address
from bot.sandbox.page.directory import Directory
from bot.sandbox.page.drawing import html
from bot.sandbox.page.frame import Frame
from bot.sandbox.page.memory import Memory
from bot.sandbox.page.pane import Pane
from bot.sandbox.people import BOT_USER_ID
from bot.sandbox.workspace import Workspace

GATHER_SECONDS = 0.04
WIDE = 1000
Order = tuple[Any, ...]


class Session:
    """The state of one tab. `tell` sends orders to the browser (page.js lists them)."""

    def __init__(
        self, workspace: Workspace, memory: Memory, tell: Callable[[list[Order]], None]
    ) -> None:
        self.workspace, self.memory = workspace, memory
        self.viewer = "U0CAROL"
        self.here = ""
        self.channel, self.thread = Pane("channel"), Pane("thread")
        self.editing = ""
        self.follow = ""
        self.width = 0
        self.is_guide_open = True
        self.is_modal_drawn = False
        self.directory = Directory()
        self.tasks: set[asyncio.Task[None]] = set()
        self._tell = tell
        self._regions: dict[str, Any] = {}
        self._orders: list[Order] = []
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe = workspace.changes.subscribe(self._notice)

    def end(self) -> None:
        """The tab is gone."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()

    def order(self, name: str, *details: Any) -> None:
        """Have the browser do something (see `asked` in page.js) with the next drawing."""
        self._orders.append((name, *details))
        self.draw_soon()

    def draw_soon(self) -> None:
        """Draw once things have settled; many changes cost one drawing."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self.draw)

    def begin(self) -> None:
        """A browser has (re)connected and knows nothing yet."""
        self._regions, self.is_modal_drawn = {}, False
        self.channel.forget()
        self.thread.forget()

    # Where the tab stands.

    def act_as(self, user: str) -> None:
        """Become somebody else; stay where one is if that person may be there."""
        known = {person.id for person in standing.people(self.workspace)}
        self.viewer = user if user in known else self.viewer
        self.editing, self.is_modal_drawn = "", False
        self.order("remember", "actor", self.viewer)
        channel = self.workspace.channels.get(self.here)
        if self.here != HOME and (
            channel is None or not self.workspace.can_see(self.viewer, channel)
        ):
            self.go(Address(standing.first_place(self.workspace, self.viewer)))
        else:
            self.go(Address(self.here, thread=self.thread.thread_ts))

    def go(self, to: Address, *, is_new: bool = True) -> None:
        """Open a place, and in it a thread and a message."""
        self.refresh_names()
        if to.person and to.person in self.workspace.users:
            channel_id = self.workspace.conversations.open_direct(self.viewer, to.person).id
            to = replace(to, place=channel_id, person="")
            self.refresh_names()
        if to.place != HOME and to.place not in self.directory.places:
            if to.place:
                self.order("toast", "This conversation is not there for you.", True)
            to = Address(standing.first_place(self.workspace, self.viewer))
        self.here, self.editing = to.place, ""
        self.channel.open("" if to.place == HOME else to.place)
        self._open_thread(to)
        if to.place == HOME:
            self.workspace.app.open_home(self.viewer)
        elif self._is_with_app():
            self.workspace.app.open_home(self.viewer, "messages")
        self.order("end", "channel")
        self.order("end", "thread")
        conversation.show_message(self, to)
        self.order("address", address.write(replace(to, viewer=self.viewer)), is_new)

    def _open_thread(self, to: Address) -> None:
        root = to.thread if to.thread in self.workspace.messages.get(to.place, {}) else ""
        self.thread.open(to.place if root else "", root)

    def open_thread(self, thread_ts: str, *, focus: bool = True) -> None:
        """Show a thread beside the channel."""
        self.thread.open(self.here, thread_ts)
        self.order("end", "thread")
        if focus:
            self.order("focus", "thread")
        self._note_address()

    def close_thread(self) -> None:
        self.thread.open("")
        self._note_address()

    def _note_address(self) -> None:
        where = Address(self.here, thread=self.thread.thread_ts, viewer=self.viewer)
        self.order("address", address.write(where), False)

    def refresh_names(self) -> None:
        self.directory = standing.directory(self.workspace, self.viewer)

    def _is_with_app(self) -> bool:
        channel = self.workspace.channels.get(self.here)
        return channel is not None and channel.is_direct and BOT_USER_ID in channel.members

    # What changed.

    def _notice(self, change: Change) -> None:
        if change.kind in (ChangeKind.USER, ChangeKind.CHANNEL):
            self.refresh_names()
            self.channel.forget()
            self.thread.forget()
        elif change.kind is ChangeKind.VIEW and change.user == self.viewer:
            self.is_modal_drawn = False
        elif change.channel == self.here:
            self.channel.touch(change.key, change.thread_ts)
            self.thread.touch(change.key, change.thread_ts)
            self._follow(change)
        self.draw_soon()

    def _follow(self, change: Change) -> None:
        # On a wide screen the answer to what was asked in this tab opens beside the channel.
        is_mine = self.follow and change.thread_ts == self.follow
        is_answer = (
            change.kind in (ChangeKind.STATUS, ChangeKind.MESSAGE) and change.key != self.follow
        )
        if is_mine and is_answer and self.width >= WIDE:
            self.follow = ""
            if not self.thread.thread_ts:
                self.open_thread(change.thread_ts or "", focus=False)

    # Drawing.

    def frame(self, key: str, message: Message | None = None) -> Frame:
        """What blocks of a message need to know."""
        pressed = self.memory.pressed(self.viewer, message.ts) if message else {}
        return Frame(self.directory, self.viewer, key, pressed, file_path=self.file_path)

    def file_path(self, file_id: str) -> str | None:
        """Where the browser gets a file's bytes; None once it is gone."""
        return f"/sandbox/file/{file_id}" if file_id in self.workspace.files else None

    def region(self, name: str, node: Node) -> None:
        """Put content into a region of the page unless it is there already."""
        content = html(node)
        if self._regions.get(name) != content:
            self._regions[name] = content
            self._orders.append(("html", name, content))

    def setting(self, name: str, *details: Any) -> None:
        """Give an order unless the same was given last."""
        key = f"{name} {details[0]}"
        if self._regions.get(key) != details:
            self._regions[key] = details
            self._orders.append((name, *details))

    def draw(self) -> None:
        """Bring the browser up to date."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.here:
            return
        waiting, self._orders = self._orders, []
        surroundings.draw(self)
        conversation.draw(self)
        if orders := self._orders + waiting:
            self._orders = []
            self._tell(orders)

    def add(self, order: Order) -> None:
        """Add to the drawing under way."""
        self._orders.append(order)


def script(orders: list[Order]) -> str:
    """The orders as JavaScript."""
    return f"Page.apply({json.dumps(orders)})"
