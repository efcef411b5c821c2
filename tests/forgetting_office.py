"""A desk whose erasures are carried out, and who tells it what Slack tells; for tests."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlmodel import select

from bot.curation import forgetting
from bot.pipeline import forgetting as steps
from handlers.capture import work_on_reaction
from handlers.forgetting import on_changed, on_deleted, workers
from handlers.reactions import receive_vote
from storage import outbox
from storage.columns import utc_now
from storage.tables import InboxKind
from tests.capture_desk import Desk, work_through
from tests.teaching import TEAM

ALICE = "U0ALICE"


@dataclass
class Office:
    """A desk whose erasures are carried out at once."""

    desk: Desk
    home: Path

    @property
    def database(self):
        return self.desk.database

    def sweep(self, later: timedelta = timedelta()) -> None:
        """As the loop and delivery do, until nothing is left to do."""
        broom = steps.Broom(self.database, self.home, now=lambda: utc_now() + later)
        while True:
            self.deliver()
            if not steps.step(broom):
                return

    def deliver(self) -> None:
        with self.database.write() as session:
            while row := outbox.claim(session):
                outbox.delivered(session, row.id, row.revision, "1.000001")

    def work(self) -> None:
        found = workers(self.desk.deps, self.desk.client)
        vote = partial(work_on_reaction, deps=self.desk.deps, client=self.desk.client)
        work_through(self.database, found | {InboxKind.REACTION: vote})

    def voted(self, user_id: str, ts: str) -> None:
        """The vote is in the inbox; ``work`` works it off."""
        with self.database.write() as session:
            receive_vote(session, TEAM, self.desk.event(user_id, ts))

    def rewrite(self, who: str, ts: str, text: str) -> None:
        """Somebody edits their message, and Slack tells of it."""
        said = self.desk.sandbox.client(who).chat_update(channel="C0HELP", ts=ts, text=text)
        self.edited(ts, str(said["message"]["edited"]["ts"]))

    def forget(self, user_id: str) -> str:
        with self.database.write() as session:
            receipt = forgetting.opt_out(session, TEAM, user_id).receipt
        self.sweep()
        return receipt

    def deleted(self, ts: str) -> None:
        event = {"channel": "C0HELP", "deleted_ts": ts, "event_ts": "1999999999.000001"}
        on_deleted(event, {"team_id": TEAM}, self.desk.deps)

    def edited(self, ts: str, edited_ts: str) -> None:
        message = {"ts": ts, "user": ALICE, "edited": {"user": ALICE, "ts": edited_ts}}
        event = {"channel": "C0HELP", "message": message, "event_ts": edited_ts}
        on_changed(event, {"team_id": TEAM}, self.desk.deps)

    def rows(self, table) -> list:
        with self.database.read() as session:
            return list(session.exec(select(table).order_by(table.id)))

    def bytes_with(self, text: str) -> list[str]:
        """The files below home in which a text stands."""
        return [
            path.name
            for path in self.home.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()
        ]
