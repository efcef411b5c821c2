"""Draws the open conversation and thread of a tab: rows, status, composer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from htpy import Node, div

from bot.sandbox.app_manifest import AppManifest
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message
from bot.sandbox.page import home, messages, moments, pane, place, standing
from bot.sandbox.page.address import HOME, Address
from bot.sandbox.page.drawing import html
from bot.sandbox.page.messages import Row, Summary
from bot.sandbox.page.pane import Pane
from bot.sandbox.people import BOT_USER_ID, Channel

if TYPE_CHECKING:
    from bot.sandbox.page.session import Session


def draw(session: Session) -> None:
    """Everything of the channel and the thread that differs from what the browser shows."""
    today = pane.today()
    if session.here != HOME:
        channel = session.workspace.channels[session.here]
        _bar(session, channel)
        timeline = session.workspace.timeline(channel.id, session.viewer)
        _rows(session, session.channel, list(_channel_rows(session, channel, timeline, today)))
        _foot(session, session.channel, channel)
    _thread(session, today)


def commands(manifest: AppManifest) -> Iterator[dict[str, str]]:
    """What the composer offers after a slash; the words come from the command's usage hint."""
    for command in manifest.commands:
        yield {"insert": f"{command.command} ", "label": command.command,
               "hint": command.description}  # fmt: skip
        for word in command.usage_hint.split("|"):
            clean = word.strip(" []")
            if clean:
                yield {"insert": f"{command.command} {clean.split('<')[0].strip()}",
                       "label": f"{command.command} {clean}", "hint": ""}  # fmt: skip


def show_message(session: Session, to: Address) -> None:
    """Scroll to the message an address names and light it up."""
    if not to.message or to.place not in session.workspace.messages:
        return
    message = session.workspace.messages[to.place].get(to.message)
    if message is None:
        session.order("toast", "That message is gone.", True)
        return
    if message.is_reply and not session.thread.thread_ts:
        session.thread.open(to.place, message.thread_ts or "")
    name = "thread" if message.is_reply and not message.broadcast else "channel"
    target = session.thread if name == "thread" else session.channel
    target.oldest = "0"
    session.order("show", name, f"{name}-{message.ts}")


def _bar(session: Session, channel: Channel) -> None:
    shown = session.directory.places[channel.id]
    other = None
    if channel.is_direct:
        other = standing.person(standing.other_in(session.workspace, channel, session.viewer))
    session.region("place", place.title(shown, len(channel.members), other))
    is_app = other is not None and other.is_bot
    session.region("tabs", home.tabs("messages", BOT_USER_ID) if is_app else None)


def _rows(session: Session, target: Pane, rows: list[tuple[str, str]]) -> None:
    changes = target.changes(rows)
    if changes is not None:
        session.add(("rows", target.name, *changes))


def _channel_rows(
    session: Session, channel: Channel, timeline: list[Message], today: date
) -> Iterator[tuple[str, str]]:
    target = session.channel
    shown = target.shown(timeline)
    if len(shown) < len(timeline):
        yield pane.earlier(target.name, target.oldest, len(timeline) - len(shown))
    else:
        yield _beginning(session, channel, is_empty=not timeline)
    summaries = _summaries(session, channel.id)
    previous: Message | None = None
    for message in shown:
        if previous is None or moments.day(message.ts) != moments.day(previous.ts):
            yield pane.day_divider(target.name, moments.day(message.ts), today)
            previous = None
        summary = summaries.get(message.ts, Summary())
        yield _row(session, target, message, previous, summary, today)
        previous = message


def _beginning(session: Session, channel: Channel, *, is_empty: bool) -> tuple[str, str]:
    shown = session.directory.places[channel.id]
    other = None
    offered: list[tuple[str, str]] = []
    words = ""
    if channel.is_direct:
        other = standing.person(standing.other_in(session.workspace, channel, session.viewer))
        status = session.workspace.statuses.get(channel.id, None)
        if other.is_bot and is_empty:
            offered = [(p["title"], p["message"]) for p in status.prompts] or list(
                session.workspace.manifest.prompts
            )
            words = status.prompts_title
    beginning = div("#channel-beginning")[place.empty(shown, other), place.prompts(words, offered)]
    return "channel-beginning", html(beginning)


def _row(
    session: Session, target: Pane, message: Message, previous: Message | None,
    summary: Summary, today: date,
) -> tuple[str, str]:  # fmt: skip
    row = Row(
        message, target.name, pane.continues(previous, message), summary,
        session.editing == f"{target.name}-{message.ts}", session.workspace.files_of(message),
    )  # fmt: skip

    def draw_row(row: Row) -> Node:
        frame = session.frame(f"{row.pane}-{row.message.ts}", row.message)
        return messages.render(row, frame, today)

    return target.drawn(row, draw_row)


def _summaries(session: Session, channel_id: str) -> dict[str, Summary]:
    app = session.directory.person(BOT_USER_ID).name
    replies: dict[str, list[Message]] = {}
    for message in session.workspace.messages[channel_id].values():
        if message.is_reply and message.thread_ts:
            replies.setdefault(message.thread_ts, []).append(message)
    found = {
        root: Summary(len(all_), tuple(dict.fromkeys(m.user for m in all_)), all_[-1].ts,
                      f"{app} is writing…" if all_[-1].is_streaming else "")
        for root, all_ in replies.items()
    }  # fmt: skip
    for status in session.workspace.statuses.of(channel_id):
        if root := status.thread_ts:
            known = found.get(root, Summary(people=(BOT_USER_ID,)))
            found[root] = Summary(known.count, known.people, known.latest, f"{app} {status.text}")
    return found


def _thread(session: Session, today: date) -> None:
    target = session.thread
    try:
        shown = session.workspace.thread(target.channel, target.thread_ts, session.viewer)
    except (SlackError, KeyError):
        shown = []
    session.setting("hidden", "thread", not shown)
    session.setting("state", "thread", "open" if shown else "closed")
    if not shown:
        target.thread_ts = ""
        return
    channel = session.workspace.channels[target.channel]
    _rows(session, target, list(_thread_rows(session, shown, today)))
    name = session.directory.places[channel.id].name
    session.region("thread-place", name if channel.is_direct else f"#{name}")
    _foot(session, target, channel)


def _thread_rows(session: Session, shown: list[Message], today: date) -> Iterator[tuple[str, str]]:
    root, *replies = shown
    yield _row(session, session.thread, root, None, Summary(), today)
    if replies:
        yield pane.replies_divider(len(replies))
    previous: Message | None = None
    for reply in replies:
        yield _row(session, session.thread, reply, previous, Summary(), today)
        previous = reply


def _foot(session: Session, target: Pane, channel: Channel) -> None:
    workspace, thread_ts = session.workspace, target.thread_ts or None
    status = workspace.statuses.get(channel.id, thread_ts)
    app = session.directory.person(BOT_USER_ID).name
    said = f"{app} {status.text}" if status.text else ""
    stream = _stream(session, channel.id, thread_ts)
    session.region(f"{target.name}-status", place.status(said, stream, channel.id))
    shown = session.directory.places[channel.id]
    words = f"Message {'' if channel.is_direct else '#'}{shown.name}"
    options = {
        "key": f"{session.viewer} {channel.id} {target.thread_ts}",
        "placeholder": "Reply…" if thread_ts else words,
        "notice": "" if session.viewer in channel.members else html(place.join(shown)),
    }
    session.setting("composer", target.name, options)


def _stream(session: Session, channel_id: str, thread_ts: str | None) -> str:
    for message in reversed(session.workspace.messages[channel_id].values()):
        if message.is_streaming and (message.thread_ts or None) == thread_ts:
            return message.ts
    return ""
