"""What an assistant shows while it works: status, title and suggested prompts of a thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.sandbox.changes import ChangeKind

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace


@dataclass(slots=True)
class Status:
    """The assistant's state in one thread; an empty `text` shows nothing."""

    channel: str
    thread_ts: str | None
    text: str = ""
    loading_messages: list[str] = field(default_factory=list)
    title: str = ""
    prompts: list[dict[str, str]] = field(default_factory=list)
    prompts_title: str = ""
    session: str = "active"


class Statuses:
    """One `Status` per thread; `thread_ts` None is the direct message as a whole."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._by_thread: dict[tuple[str, str | None], Status] = {}

    def get(self, channel: str, thread_ts: str | None) -> Status:
        """Return the thread's status, an empty one where none was set."""
        return self._by_thread.get((channel, thread_ts)) or Status(channel, thread_ts)

    def of(self, channel: str) -> list[Status]:
        """Return those of a channel that show a text."""
        return [s for s in self._by_thread.values() if s.channel == channel and s.text]

    def all(self) -> list[Status]:
        return list(self._by_thread.values())

    def set_text(self, channel: str, thread_ts: str, text: str, loading: list[str]) -> None:
        status = self._at(channel, thread_ts)
        status.text, status.loading_messages = text, loading
        self._tell(status)

    def set_title(self, channel: str, thread_ts: str | None, title: str) -> None:
        status = self._at(channel, thread_ts)
        status.title = title
        self._tell(status)

    def set_prompts(
        self, channel: str, thread_ts: str | None, prompts: list[dict[str, str]], title: str
    ) -> None:
        status = self._at(channel, thread_ts)
        status.prompts, status.prompts_title = prompts, title
        self._tell(status)

    def set_session(self, channel: str, thread_ts: str | None, state: str) -> None:
        status = self._at(channel, thread_ts)
        status.session = state
        self._tell(status)

    def clear(self, channel: str, thread_ts: str | None) -> None:
        """Take the text away, as Slack does once the app posts into the thread."""
        status = self._by_thread.get((channel, thread_ts))
        if status is not None and status.text:
            status.text, status.loading_messages = "", []
            self._tell(status)

    def _at(self, channel: str, thread_ts: str | None) -> Status:
        return self._by_thread.setdefault((channel, thread_ts), Status(channel, thread_ts))

    def _tell(self, status: Status) -> None:
        self._workspace.changed(
            ChangeKind.STATUS, status.thread_ts or "", channel=status.channel,
            thread_ts=status.thread_ts,
        )  # fmt: skip
