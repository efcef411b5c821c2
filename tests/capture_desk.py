"""
Votes on messages of a running sandbox, worked on at once; for tests of capture.

The events come straight into the inbox, with times of the test's choosing, so that a test can
replay them, mix them up and crash between any two transactions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from handlers.capture import work_on_reaction
from handlers.deps import Deps
from handlers.inbox_worker import Crew, Worker
from handlers.people import People
from handlers.reactions import BUTTON, GOOD, VoteEvent, receive_vote
from storage import inbox
from storage.database import Database
from storage.tables import (
    Example,
    InboxItem,
    InboxKind,
    OutboxMessage,
    Question,
    QuestionState,
    Vote,
)
from tests.running_sandbox import RunningSandbox
from tests.teaching import TEAM, write_new

CURATOR = "U0BOB"


def work_through(database: Database, workers: Mapping[InboxKind, Worker]) -> None:
    """Work on whatever is in the inbox, one row after the other, in this thread."""
    crew = Crew(database, workers, lambda work: work(), at_once=1)
    while crew.step():
        pass


class CrashError(Exception):
    """The process would be gone here."""


class CrashingDatabase(Database):
    """
    Ends the work at one point: just before, or just after, one of the commits or scrubs. Nothing is
    written from then on, as when the process is gone, until ``revive``.
    """

    def __init__(self, url: str, crash_at: int | None = None) -> None:
        super().__init__(url)
        self._points = count()
        self._crash_at = crash_at
        self._is_gone = False

    def revive(self) -> None:
        self._is_gone, self._crash_at = False, None

    def crash_at(self, point: int) -> None:
        """At so many points from now on."""
        self._points, self._crash_at = count(), point

    @contextmanager
    def write(self, *, urgent: bool = False, redoable: bool = False) -> Iterator[Session]:
        if self._is_gone:
            raise CrashError
        with super().write(urgent=urgent, redoable=redoable) as session:
            yield session
            session.flush()
            self._pass()
        self._pass()

    def scrub(self) -> bool:
        self._pass()
        is_empty = super().scrub()
        self._pass()
        return is_empty

    def _pass(self) -> None:
        if next(self._points) == self._crash_at:
            self._is_gone = True
            raise CrashError


@dataclass
class Desk:
    sandbox: RunningSandbox
    database: CrashingDatabase
    now: Iterator[int] = field(default_factory=lambda: count(1_900_000_000))

    def __post_init__(self) -> None:
        self.client = self.sandbox.client()
        self.deps = Deps(
            database=self.database,
            people=People(self.client, curators=frozenset({CURATOR})),
            home=Path(),
            trainer="local",
            good_reaction="white_check_mark",
            bad_reaction="x",
            answer_queue=50,
            outsiders_get_base_model=False,
        )

    @classmethod
    def open(cls, sandbox: RunningSandbox, path: Path, crash_at: int | None = None) -> "Desk":
        write_new(path)
        return cls(sandbox, CrashingDatabase(f"sqlite:///{path}", crash_at))

    def event(
        self,
        who: str,
        ts: str,
        value: int = GOOD,
        *,
        added: bool = True,
        channel: str = "C0HELP",
        button: bool = False,
    ) -> VoteEvent:
        name = BUTTON if button else "white_check_mark" if value == GOOD else "x"
        return VoteEvent(channel, ts, who, value, added, name, f"{next(self.now)}.000100")

    def vote(self, who: str, ts: str, value: int = GOOD, **how: Any) -> VoteEvent:
        event = self.event(who, ts, value, **how)
        self.deliver(event)
        return event

    def take_back(self, event: VoteEvent) -> VoteEvent:
        return self.vote(
            event.user_id, event.message_ts, event.value, added=False, channel=event.channel_id
        )

    def deliver(self, event: VoteEvent) -> None:
        with self.database.write() as session:
            receive_vote(session, TEAM, event)
        self.work()

    def work(self) -> None:
        worker = partial(work_on_reaction, deps=self.deps, client=self.client)
        work_through(self.database, {InboxKind.REACTION: worker})

    def restart(self) -> None:
        self.database.revive()
        with self.database.write() as session:
            inbox.take_up_again(session)

    def work_again(self) -> None:
        """As after a crash between the work and the note that it is done."""
        for item in self._rows(InboxItem):
            work_on_reaction(item, self.deps, self.client)

    def thread(self, *lines: tuple[str, str], channel: str = "C0HELP") -> list[str]:
        """Post a question and its replies; returns each ts."""
        posted: list[str] = []
        for who, text in lines:
            root = posted[0] if posted else None
            posted.append(self.sandbox.post(who, text, channel, root))
        return posted

    def bot_answer(self, question: str = "How?", answer: str = "So.") -> str:
        """What the bot answered to a question of Carol's; returns the answer's ts."""
        asked = self.sandbox.post("U0CAROL", f"<@U0APPRENTICE> {question}")
        ts = self.client.chat_postMessage(channel="C0HELP", text=answer, thread_ts=asked)["ts"]
        with self.database.write() as session:
            session.add(
                Question(
                    team_id=TEAM, channel_id="C0HELP", message_ts=asked, thread_ts=asked,
                    user_id="U0CAROL", state=QuestionState.ANSWERED, answer_ts=ts,
                )
            )  # fmt: skip
        return str(ts)

    def examples(self) -> list[Example]:
        return self._rows(Example)

    def states(self) -> list[str]:
        return [example.state.value for example in self.examples()]

    def said(self) -> list[str]:
        return [row.text for row in self.messages()]

    def messages(self) -> list[OutboxMessage]:
        """What was said to those who voted; authors are told in ``told_authors``."""
        return [row for row in self._rows(OutboxMessage) if not _is_first_capture(row)]

    def told_authors(self) -> list[OutboxMessage]:
        return [row for row in self._rows(OutboxMessage) if _is_first_capture(row)]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that capture leaves behind, without what depends on the clock."""
        return {
            "examples": [(e.id, e.question, e.answer, e.state) for e in self.examples()],
            "votes": [(v.key, v.value, v.order_key) for v in self._rows(Vote)],
            "outbox": [(m.key, m.text, m.blocks, m.thread_ts) for m in self.messages()],
            "inbox": [(i.key, i.state, i.order_key) for i in self._rows(InboxItem)],
        }

    def _rows(self, table: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.exec(select(table).order_by(table.id)))


def _is_first_capture(row: OutboxMessage) -> bool:
    return row.key.startswith("first-capture:")
