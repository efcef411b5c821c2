"""What people do in the browser, by the name the page reports it with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.sandbox.deliveries import Delivery, DeliveryState
from bot.sandbox.drafts import Draft
from bot.sandbox.errors import ControlError, SlackError
from bot.sandbox.markup import as_typed
from bot.sandbox.page import address, guide_acts, place
from bot.sandbox.page.address import HOME, Address
from bot.sandbox.page.sentences import sentence

if TYPE_CHECKING:
    from bot.sandbox.page.session import Session

Details = dict[str, Any]
Act = Callable[["Session", Details], None]


def do(session: Session, details: Details) -> None:
    """Carry out one act; a refusal of the workspace is shown, never raised."""
    act = _ACTS.get(str(details.get("act")))
    if act is None:
        return
    try:
        act(session, details)
    except (SlackError, ControlError) as refusal:
        session.order("toast", sentence(refusal), True)
    session.draw_soon()


def _hello(session: Session, details: Details) -> None:
    session.begin()
    where = address.read(details["path"], details["search"])
    session.width = int(details.get("width") or 0)
    session.is_guide_open = details.get("guide") != "closed"
    for user in (where.viewer, details.get("user")):
        if user in session.workspace.users:
            session.viewer = user
            break
    session.go(where, is_new=False)


def _navigate(session: Session, details: Details) -> None:
    where = address.read(details["path"], details["search"])
    if details.get("isBack") and where.viewer in session.workspace.users:
        session.viewer = where.viewer
    session.go(where, is_new=not details.get("isBack"))


def _open_channel(session: Session, details: Details) -> None:
    session.go(Address(details["channel"]))
    session.order("end", "channel")
    session.order("focus", "channel")


def _open_direct(session: Session, details: Details) -> None:
    session.go(Address(person=details["user"]))
    session.order("focus", "channel")


def _send(session: Session, details: Details) -> None:
    pane, text = details["pane"], details["text"]
    target = session.thread if pane == "thread" else session.channel
    try:
        if text.startswith("/"):
            _command(session, target.channel, pane, text)
            return
        message = session.workspace.chat.post_typed(
            session.viewer, target.channel, text, target.thread_ts or None
        )
    except (SlackError, ControlError):
        session.order("restore", pane, details["key"], text)
        raise
    session.order("end", pane)
    if pane == "channel":
        session.follow = message.ts


def _command(session: Session, channel: str, pane: str, text: str) -> None:
    if pane == "thread":
        raise ControlError("Commands cannot be used in threads. Use the channel's own field.")
    name, _, rest = text.partition(" ")
    delivery = session.workspace.app.run_command(session.viewer, channel, name, rest.strip())
    session.order("end", pane)
    _watch(session, delivery, None)


def _react(session: Session, details: Details) -> None:
    where = (session.viewer, details["channel"], details["ts"], details["name"])
    message = session.workspace.message(details["channel"], details["ts"])
    reaction = message.reaction(details["name"])
    if reaction and session.viewer in reaction.users:
        session.workspace.reactions.remove(*where)
    else:
        session.workspace.reactions.add(*where)


def _menu(session: Session, details: Details) -> None:
    message = session.workspace.message(details["channel"], details["ts"])
    is_own = message.user == session.viewer
    menu = place.message_menu(
        is_own=is_own,
        may_delete=is_own or session.workspace.users[session.viewer].is_admin,
        manifest=session.workspace.manifest,
        in_thread=details.get("pane") == "thread",
    )
    session.region("message-menu", menu)


def _open_thread(session: Session, details: Details) -> None:
    session.open_thread(details.get("thread") or details["ts"])


def _close_thread(session: Session, _details: Details) -> None:
    session.close_thread()


def _edit(session: Session, details: Details) -> None:
    session.editing = f"{details['pane']}-{details['ts']}"


def _cancel_edit(session: Session, _details: Details) -> None:
    session.editing = ""


def _save_edit(session: Session, details: Details) -> None:
    text = as_typed(session.workspace, details["text"].strip())
    session.workspace.chat.update(
        session.viewer, details["channel"], details["ts"], Draft(text=text)
    )
    session.editing = ""


def _delete(session: Session, details: Details) -> None:
    session.workspace.chat.delete(session.viewer, details["channel"], details["ts"])


def _copy_link(session: Session, details: Details) -> None:
    link = session.workspace.chat.permalink(session.viewer, details["channel"], details["ts"])
    session.order("copy", link)


def _dismiss(session: Session, details: Details) -> None:
    session.workspace.chat.dismiss(details["ts"], session.viewer)


def _message_shortcut(session: Session, details: Details) -> None:
    app = session.workspace.app
    app.message_shortcut(session.viewer, details["callback"], details["channel"], details["ts"])


def _global_shortcut(session: Session, details: Details) -> None:
    delivery = session.workspace.app.global_shortcut(session.viewer, details["callback"])
    _watch(session, delivery, "Apprentice did not respond. Try again in a moment.")


def _block_action(session: Session, details: Details) -> None:
    app, value = session.workspace.app, details.get("value")
    action, block = details["action"], details["block"]
    if view := details.get("view"):
        delivery = app.view_action(
            session.viewer, view, action, value, block, details.get("values")
        )
        _watch(session, delivery, "That did not work: Apprentice did not respond.")
        return
    app.message_action(session.viewer, details["channel"], details["ts"], action, value, block)
    session.memory.press(session.viewer, details["ts"], action, value)
    session.channel.touch(details["ts"])
    session.thread.touch(details["ts"])


def _view_submit(session: Session, details: Details) -> None:
    try:
        session.workspace.app.submit_view(session.viewer, details["view"], details["values"])
    except ControlError:
        view = session.workspace.views.get(details["view"])
        if view is None or not view.errors:
            raise


def _view_close(session: Session, details: Details) -> None:
    session.workspace.app.close_view(session.viewer, details["view"])


def _stop_stream(session: Session, details: Details) -> None:
    session.workspace.app.stop_stream(session.viewer, details["channel"], details["ts"])


def _join(session: Session, details: Details) -> None:
    session.workspace.conversations.join(session.viewer, details["channel"])


def _earlier(session: Session, details: Details) -> None:
    target = session.thread if details.get("pane") == "thread" else session.channel
    target.show_earlier()


def _prompt(session: Session, details: Details) -> None:
    session.order("fill", "channel", details["text"])


def _open_home(session: Session, _details: Details) -> None:
    session.go(Address(HOME))


def _act_as(session: Session, details: Details) -> None:
    session.act_as(details["user"])
    session.order("toast", f"You are acting as {session.directory.person(session.viewer).name}.")


def _watch(session: Session, delivery: Delivery, trouble: str | None) -> None:
    async def wait() -> None:
        await delivery.finished.wait()
        if trouble and delivery.state is DeliveryState.FAILED:
            session.order("toast", trouble, True)

    task = asyncio.get_running_loop().create_task(wait())
    session.tasks.add(task)
    task.add_done_callback(session.tasks.discard)


_ACTS: dict[str, Act] = {
    "hello": _hello,
    "navigate": _navigate,
    "open_channel": _open_channel,
    "open_direct": _open_direct,
    "open_home": _open_home,
    "act_as": _act_as,
    "send": _send,
    "react": _react,
    "menu": _menu,
    "open_thread": _open_thread,
    "close_thread": _close_thread,
    "edit": _edit,
    "cancel_edit": _cancel_edit,
    "save_edit": _save_edit,
    "delete": _delete,
    "copy_link": _copy_link,
    "dismiss": _dismiss,
    "message_shortcut": _message_shortcut,
    "global_shortcut": _global_shortcut,
    "block_action": _block_action,
    "view_submit": _view_submit,
    "view_close": _view_close,
    "stop_stream": _stop_stream,
    "join": _join,
    "earlier": _earlier,
    "prompt": _prompt,
    "guide_do": guide_acts.do,
    "guide_open": guide_acts.open_guide,
    "guide_close": guide_acts.close_guide,
}
