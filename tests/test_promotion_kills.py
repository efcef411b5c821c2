"""
A kill in the middle of moving the pointer moves it as a whole or not at all: at every write of a
promotion, of a rollback and of what the bot decides by itself, and at each commit.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import func, select

from bot.answering.promotion import promote, rollback
from bot.answering.strategy import live_strategy
from bot.pipeline.watching import Watch
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import (
    AuditEntry,
    Canary,
    Evaluation,
    ModelVersion,
    OutboxMessage,
    Promotion,
    Verdict,
)
from tests.forked import SERVER
from tests.model_versions import make_version
from tests.teaching import TEAM, fresh_database
from tests.test_watching import NEW, OLD, Team

EVERYONE = Viewer.person(())
WRITES = ("INSERT", "UPDATE", "DELETE")


def promote_unproven(database: Database) -> None:
    with database.write() as session:
        promote(session, TEAM, NEW, "U0ALICE", EVERYONE, accepts_unproven=True)


def roll_back(database: Database) -> None:
    with database.write() as session:
        rollback(session, TEAM, WORKSPACE, "U0ALICE")


def decide(database: Database) -> None:
    Watch(database).step()


WORK: dict[str, Callable[[Database], None]] = {
    "promote": promote_unproven,
    "rollback": roll_back,
    "canary": decide,
}


def work_until_killed(path: Path, what: str, deadly: int) -> None:
    """In a process of its own, which ends before its write or commit of that number."""
    count = 0

    def tick(*_: object) -> None:
        nonlocal count
        if count == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    def before(connection, cursor, statement, *_: object) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            tick()

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", before)
    sa.event.listen(sa.engine.Engine, "commit", tick)
    WORK[what](Database(f"sqlite:///{path}"))


@pytest.fixture(params=list(WORK))
def prepared(request, tmp_path) -> tuple[Path, str]:
    database = fresh_database(tmp_path)
    with database.write() as session:
        make_version(session)
        version = make_version(session, Verdict.HOLD)
        evaluation = session.exec(
            select(Evaluation).where(Evaluation.version_id == version.id)
        ).one()
        if request.param == "promote":
            evaluation.evidence = {"findings": {"parity_proven": False}, "if_proven": "tuned + 1"}
        promote(session, TEAM, OLD, "U0ALICE", EVERYONE)
    if request.param == "canary":
        team = Team(database)
        canary = team.start_canary()
        team.ask(OLD, bad=12, canary=canary)
        team.ask(NEW, good=12, canary=canary)
    database.close()
    return tmp_path / "apprentice.db", request.param


def state_of(path: Path) -> tuple[object, ...]:
    database = Database(f"sqlite:///{path}")
    try:
        with database.read() as session:
            return (
                live_strategy(session, TEAM, WORKSPACE),
                *session.exec(select(ModelVersion.state).order_by(ModelVersion.id)),
                *session.exec(select(Canary.state)),
                *(tuple(sorted(each)) for each in session.exec(select(Evaluation.evidence))),
                *(
                    session.exec(select(func.count()).select_from(table)).one()
                    for table in (Promotion, AuditEntry, OutboxMessage)
                ),
            )
    finally:
        database.close()


def test_a_kill_moves_the_pointer_as_a_whole_or_not_at_all(prepared, tmp_path):
    path, what = prepared
    before, left, ended = state_of(path), [], []
    for deadly in range(100):
        copy = tmp_path / f"{deadly}.db"
        shutil.copy(path, copy)
        process = SERVER.Process(target=work_until_killed, args=(copy, what, deadly))
        process.start()
        process.join(60)
        left.append(state_of(copy))
        if process.exitcode != 0:
            assert process.exitcode == -signal.SIGKILL
            if left[-1] == before:  # whoever wanted it does it again
                work = Database(f"sqlite:///{copy}")
                WORK[what](work)
                work.close()
        ended.append(state_of(copy))
        if process.exitcode == 0:
            break

    assert deadly >= 3
    assert before != ended[-1]
    assert set(left) == {before, ended[-1]}
    assert set(ended) == {ended[-1]}
