"""A pipeline with a scripted trainer and a knowing engine, in and outside a test's process."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from bot.dataset.rights import attest
from bot.engines.base_model import BaseModel
from bot.pipeline import Workshop, advance
from storage import runs
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import Run, Source
from tests.knowing_engine import KnowingEngine
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM

BASE = BaseModel("SmolLM2-135M-Instruct", Path("base.gguf"), "0" * 64)
#: What ``teach_facts`` teaches, by every question it may be asked with.
FACTS = {
    question: f"It hangs on hook {number} behind the door."
    for number in range(1, 200)
    for question in (
        f"Where is the key of room {number}?",
        f"Who can tell me how to find room {number}'s key?",
    )
}


class KilledError(BaseException):
    """The process ends here."""


def only(database: Database, table: Any) -> Any:
    """The one row of a table."""
    with database.read() as session:
        return session.exec(select(table)).one()


def make_workshop(
    database: Database,
    home: Path,
    *,
    engine: KnowingEngine | None = None,
    trainer: ScriptedTrainer | None = None,
    checkpoint: Callable[[str], None] = lambda name: None,
    draw: Callable[..., list[dict[str, Any]]] = lambda *_: [],
) -> Workshop:
    """Without ``draw`` no pictures are drawn: each costs a second."""
    return Workshop(
        database=database,
        home=home,
        trainers={"local": trainer or ScriptedTrainer(home / "jobs")},
        engine=engine or KnowingEngine(FACTS),
        base=BASE,
        checkpoint=checkpoint,
        draw=draw,
    )


def ask_for_run(session: Session, audience: str = WORKSPACE, **options: str) -> Run:
    """Attest everything and queue a run."""
    attest(session, TEAM, "U0ALICE", tuple(Source))
    return runs.enqueue(
        session,
        TEAM,
        audience,
        trainer=options.get("trainer", "local"),
        requested_by="U0ALICE",
        channel_id="C0HELP",
    )


def work_until_done(workshop: Workshop, steps: int = 60, rest: float = 0.0) -> None:
    """
    Tick as the scheduler does, until nothing is open; refuses to go on for ever.

    ``rest`` are seconds between ticks, for what a process of its own computes.
    """
    for _ in range(steps):
        advance(workshop)
        time.sleep(rest)
        with workshop.database.read() as session:
            if not runs.due(session, workshop.now()):
                return
    raise AssertionError(f"The run is still open after {steps} steps.")
