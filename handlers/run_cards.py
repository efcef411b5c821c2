"""
Keeps the card of each run equal to its row: one message a run, updated through the outbox.
"""

import time
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from bot.answering.strategy import live_strategy
from handlers.run_blocks import RunCard, run_card
from storage import erasure, evaluations, outbox, runs, versions
from storage.columns import utc_now
from storage.database import Database
from storage.tables import Run

#: Ended runs whose cards are looked at once when the bot starts: a crash may have left them old.
LOOK_BACK = 10
#: An open card changes so often at most; Slack allows about one update a second in a channel.
PAUSE_SECONDS = 1.5

#: So long after an erasure the cards of its runs are looked at: they may quote what is gone.
_ERASED = timedelta(minutes=5)

_Shown = tuple[str, list[dict[str, Any]], str]


class RunCards:
    """The work of one loop: ``step`` writes the cards that changed."""

    def __init__(self, database: Database, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._database = database
        self._pause_seconds = pause_seconds
        self._shown: dict[int, _Shown] = {}
        self._shown_at: dict[int, float] = {}
        self._open: set[int] | None = None
        self._moved: int | None = None

    def step(self) -> bool:
        """Write at most all cards that changed; never more work at once, so always False."""
        with self._database.read() as session:
            changed = [run for run in self._candidates(session) if self._is_due(session, run)]
        if changed:
            with self._database.write() as session:
                for run in changed:
                    put_card(session, session.get_one(Run, run.id))
        return False

    def _candidates(self, session: Session) -> list[Run]:
        """
        Open runs, those that ended since the last look, and those whose words were erased; all
        when what is live changed.
        """
        return [*self._moving(session), *erasure.runs_touched_since(session, utc_now() - _ERASED)]

    def _moving(self, session: Session) -> list[Run]:
        found = runs.open_or_newest(session, LOOK_BACK)
        before, self._open = self._open, {run.id or 0 for run in found if run.ended_at is None}
        moved, self._moved = self._moved, versions.newest_move(session)
        if before is None or moved != self._moved:
            return found
        return [run for run in found if run.ended_at is None or run.id in before]

    def _is_due(self, session: Session, run: Run) -> bool:
        """Writing wakes every worker: only what people would see differently is written."""
        if run.channel_id is None or run.id is None:
            return False
        text, parts = run_card(read_card(session, run))
        shown = (text, parts, run.state.value)
        before = self._shown.get(run.id)
        now = time.monotonic()
        too_soon = now - self._shown_at.get(run.id, -self._pause_seconds) < self._pause_seconds
        if before == shown or (too_soon and before is not None and before[2] == shown[2]):
            return False
        self._shown[run.id], self._shown_at[run.id] = shown, now
        return True


def key_of(run_id: int) -> str:
    """The outbox key of a run's card."""
    return f"run:{run_id}"


def read_card(session: Session, run: Run) -> RunCard:
    assert run.id is not None
    version = versions.of_run(session, run.team_id, run.id)
    live = live_strategy(session, run.team_id, run.audience)
    return RunCard(
        run=run,
        version=version,
        evaluation=evaluations.of_run(session, run.team_id, run.id),
        is_live=version is not None and live.version_name == version.name,
        ahead=runs.count_before(session, run),
    )


def put_card(session: Session, run: Run) -> None:
    """Write how the run's card ought to look now; runs without a channel have none."""
    if run.channel_id is None or run.id is None:
        return
    card = read_card(session, run)
    text, parts = run_card(card)
    outbox.put(
        session,
        run.team_id,
        key_of(run.id),
        channel_id=run.channel_id,
        text=text,
        blocks=parts,
        uploads=card.evaluation.pictures if card.evaluation else (),
    )
