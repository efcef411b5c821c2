"""One message as a row: author, time, content, files, reactions, what can be done with it.

Takes the workspace's own `Message` values and gives htpy nodes; asks nothing of the workspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from htpy import (
    Node,
    article,
    button,
    div,
    form,
    fragment,
    header,
    p,
    span,
    strong,
    textarea,
    time,
)  # fmt: skip

from bot.sandbox.messages import Message
from bot.sandbox.page import blocks, files, markdown, moments, mrkdwn, toolbar
from bot.sandbox.page.avatars import avatar
from bot.sandbox.page.directory import Person
from bot.sandbox.page.frame import Frame
from bot.sandbox.page.icons import icon


@dataclass(frozen=True)
class Summary:
    """What the root of a thread says about it: replies, who wrote them, the newest, the status."""

    count: int = 0
    people: tuple[str, ...] = ()
    latest: str = ""
    status: str = ""


@dataclass(frozen=True)
class Row:
    """A message where it stands: its pane, its thread, whether it continues the row above."""

    message: Message
    pane: str
    continues: bool = False
    thread: Summary = Summary()
    editing: bool = False
    files: Sequence[dict[str, Any]] = ()


def render(row: Row, frame: Frame, today: date) -> Node:
    """The whole row. Rows are addressed by `data-testid="message-<ts>"` within their pane."""
    message = row.message
    if message.subtype in ("channel_join", "channel_leave"):
        return _notice(row, frame)
    author = _author(message, frame)
    tones = ".continues" * row.continues + ".ephemeral" * (message.ephemeral_to is not None)
    return article(
        f".message{tones}", id=f"{row.pane}-{message.ts}", tabindex="-1",
        aria_label=f"{author.name}, {moments.full(message.ts)}",
        data_channel=message.channel, data_ts=message.ts,
        data_thread=message.thread_ts or message.ts, data_testid=f"message-{message.ts}",
    )[
        div(".gutter")[_time(message) if row.continues else avatar(author)],
        div(".message-main")[
            None if row.continues else _heading(message, author),
            _visible_to_you(message),
            _editor(message, frame) if row.editing else _content(row, frame),
            toolbar.reactions(message, frame),
            _thread_link(row, frame, today),
        ],
        toolbar.toolbar(row.pane) if _is_changeable(row) else None,
    ]  # fmt: skip


def _author(message: Message, frame: Frame) -> Person:
    person = frame.directory.person(message.user)
    if message.username:
        return Person(person.id, message.username, is_bot=person.is_bot)
    return person


def _heading(message: Message, author: Person) -> Node:
    return header(".message-head")[
        strong(".author")[author.name],
        span(".badge-app")["APP"] if author.is_bot else None,
        span(".badge-role")[author.role] if author.role in ("Guest", "External") else None,
        _time(message),
    ]


def _time(message: Message) -> Node:
    return time(".time", title=moments.full(message.ts))[moments.clock(message.ts)]


def _visible_to_you(message: Message) -> Node:
    if message.ephemeral_to is None:
        return None
    return p(".only-you")[
        icon("eye", 14), "Only visible to you",
        button(
            ".link", type="button", data_act="dismiss", data_testid=f"dismiss-{message.ts}"
        )["Dismiss"],
    ]  # fmt: skip


def _content(row: Row, frame: Frame) -> Node:
    message = row.message
    if message.subtype == "tombstone":
        return p(".tombstone")["This message was deleted."]
    return fragment[
        div(".content", data_testid="content")[_words(message, frame)],
        span(".edited")["(edited)"] if message.edited else None,
        _attachments(message, frame),
        files.gallery(row.files, frame),
    ]


def _words(message: Message, frame: Frame) -> Node:
    if message.streaming_state is not None:
        return _streamed(message, frame)
    if message.blocks and not message.client_msg_id:
        return blocks.render(message.blocks, frame)
    if not message.text:
        return None
    return div(".prose")[mrkdwn.render(message.text, frame.directory)]


def _streamed(message: Message, frame: Frame) -> Node:
    tasks = [c for c in message.chunks if c.get("type") == "task_update"]
    plan = next((c for c in message.chunks if c.get("type") == "plan_update"), None)
    added = [b for c in message.chunks if c.get("type") == "blocks" for b in c.get("blocks", ())]
    cards = [{**task, "type": "task_card", "task_id": task.get("id")} for task in tasks]
    shown = [{"type": "plan", "title": plan.get("title"), "tasks": cards}] if plan else cards
    return fragment[
        blocks.render(shown, frame),
        div(f".prose{'.writing' if message.is_streaming else ''}", dir="auto")[
            markdown.render(message.text, frame.directory)
        ],
        p(".cut-short")["This answer was cut short."]
        if message.streaming_state == "errored"
        else None,
        blocks.render([*added, *message.blocks], frame),
    ]


def _attachments(message: Message, frame: Frame) -> Node:
    return [
        div(".attachment")[
            blocks.render(each["blocks"], frame)
            if each.get("blocks")
            else div(".prose")[
                mrkdwn.render(str(each.get("text") or each.get("fallback") or ""), frame.directory)
            ]
        ]
        for each in message.attachments
    ]


def _is_changeable(row: Row) -> bool:
    message = row.message
    return not (row.editing or message.ephemeral_to or message.subtype == "tombstone")


def _thread_link(row: Row, frame: Frame, today: date) -> Node:
    summary = row.thread
    if row.pane != "channel" or not (summary.count or summary.status):
        return None
    words = f"{summary.count} {'reply' if summary.count == 1 else 'replies'}"
    return button(
        ".thread-link", type="button", data_act="open_thread",
        data_testid=f"thread-{row.message.ts}",
    )[
        span(".faces")[(avatar(frame.directory.person(u), "xs") for u in summary.people[:4])],
        span(".replies")[words] if summary.count else None,
        span(".latest")[f"last {moments.since(summary.latest, today)}"]
        if summary.count and not summary.status
        else None,
        span(".working")[summary.status] if summary.status else None,
    ]  # fmt: skip


def _editor(message: Message, frame: Frame) -> Node:
    return form(".edit-form", data_submit="save_edit")[
        textarea(
            ".field", name="text", rows="3", aria_label="Edit message", autofocus=True,
            data_testid="edit-text", dir="auto",
        )[mrkdwn.as_written_by_hand(message.text, frame.directory)],
        div(".editor-buttons")[
            button(".button", type="button", data_act="cancel_edit")["Cancel"],
            button(".button.primary", type="submit", data_testid="edit-save")["Save"],
        ],
    ]  # fmt: skip


def _notice(row: Row, frame: Frame) -> Node:
    message = row.message
    return div(".notice", id=f"{row.pane}-{message.ts}", data_testid=f"message-{message.ts}")[
        mrkdwn.render_inline(message.text, frame.directory), " ", _time(message)
    ]
