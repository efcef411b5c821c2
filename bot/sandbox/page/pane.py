"""A list of messages as one tab shows it: which rows, drawn only when they changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from htpy import Node, button, div, span

from bot.sandbox.messages import Message
from bot.sandbox.page import moments
from bot.sandbox.page.drawing import html
from bot.sandbox.page.messages import Row

WINDOW = 100
STEP = 200
_CLOSE = timedelta(minutes=5)
Drawn = dict[str, str]


@dataclass
class Pane:
    """
    One list, `name` is "channel" or "thread". `oldest` is the ts its rows begin at, "" while that
    is not known: a new message at the end takes none away at the beginning. What was sent last is
    kept by row id, so that only differences travel.
    """

    name: str
    channel: str = ""
    thread_ts: str = ""
    oldest: str = ""
    _wanted: int = WINDOW
    _sent: Drawn = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)
    _drawn: dict[str, tuple[Row, str]] = field(default_factory=dict)

    def open(self, channel: str, thread_ts: str = "") -> None:
        """Turn to another conversation and forget what was drawn."""
        self.channel, self.thread_ts, self.oldest = channel, thread_ts, ""
        self._wanted = WINDOW
        self.forget()

    def forget(self) -> None:
        """Draw everything anew next time."""
        self._sent, self._order, self._drawn = {}, [], {}

    def shown(self, timeline: Sequence[Message]) -> list[Message]:
        """Those of all messages, oldest first, that have a row."""
        if not self.oldest:
            start = len(timeline) - self._wanted
            self.oldest = timeline[start].ts if start > 0 else "0"
        return [message for message in timeline if message.ts >= self.oldest]

    def show_earlier(self) -> None:
        """Begin further back the next time."""
        self._wanted, self.oldest = len(self._drawn) + STEP, ""

    def touch(self, *stamps: str | None) -> None:
        """These messages have changed."""
        for ts in stamps:
            self._drawn.pop(f"{self.name}-{ts}", None)

    def changes(self, rows: Iterable[tuple[str, str]]) -> tuple[list[str] | None, Drawn] | None:
        """What to tell the browser: an order (None: as before) and changed rows; None: nothing."""
        now = dict(rows)
        order = list(now)
        changed = {key: row for key, row in now.items() if self._sent.get(key) != row}
        is_moved = order != self._order
        self._sent, self._order = now, order
        return (order if is_moved else None, changed) if is_moved or changed else None

    def drawn(self, row: Row, draw: Callable[[Row], Node]) -> tuple[str, str]:
        """A row's id and HTML; drawn only if it or its surroundings changed."""
        key = f"{self.name}-{row.message.ts}"
        kept = self._drawn.get(key)
        if kept is None or not _is_same(kept[0], row):
            kept = (row, html(draw(row)))
            self._drawn[key] = kept
        return key, kept[1]


def _is_same(before: Row, now: Row) -> bool:
    return (before.continues, before.thread, before.editing) == (
        now.continues, now.thread, now.editing,
    )  # fmt: skip


def continues(previous: Message | None, message: Message) -> bool:
    """Whether a message goes on where its author's last one ended."""
    if previous is None or previous.user != message.user or previous.username != message.username:
        return False
    if previous.subtype or message.subtype or message.ephemeral_to or previous.ephemeral_to:
        return False
    return moments.when(message.ts) - moments.when(previous.ts) < _CLOSE


def day_divider(pane: str, day: date, today: date) -> tuple[str, str]:
    """The line between two days."""
    key = f"{pane}-day-{day.isoformat()}"
    words = moments.day_name(day, today)
    return key, html(div(".divider", id=key, role="separator", aria_label=words)[span[words]])


def replies_divider(count: int) -> tuple[str, str]:
    """The line between a thread's root and its replies."""
    key, words = "thread-replies", f"{count} {'reply' if count == 1 else 'replies'}"
    return key, html(div(".divider.divider-left", id=key)[span[words]])


def earlier(pane: str, oldest: str, hidden: int) -> tuple[str, str]:
    """The button above the oldest row shown."""
    key = f"{pane}-earlier-{oldest}"
    words = f"Show earlier messages ({hidden})"
    return key, html(
        div(".earlier", id=key)[
            button(".button.small", type="button", data_act="earlier", data_pane=pane)[words]
        ]
    )


def today() -> date:
    """The day it is for the reader."""
    return datetime.now().astimezone().date()
