"""``kill -9`` between every two steps of a run: nothing is lost, nothing is there twice."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from sqlmodel import Session, select

from storage.database import Database
from storage.tables import (
    Evaluation,
    EvaluationAnswer,
    ModelVersion,
    Run,
    RunMetric,
    RunState,
    Snapshot,
    SnapshotRow,
    Verdict,
)
from tests.pipeline_parts import ask_for_run, make_workshop, work_until_done
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import ask_in_vain, fresh_database, teach_facts

FACTS = 10
CHECKPOINTS = [
    "run found",
    "run begun",
    "snapshot taken",
    "snapshot kept",
    "run estimated",
    "job started",
    "job kept",
    "job finished",
    "version made",
    "version kept",
    "candidate loaded",
    "answer kept",
    "questions answered",
    "general tasks done",
    "leaks looked for",
    "parity looked at",
    "asked in vain",
    "pictures drawn",
    "verdict reached",
    "verdict kept",
]


def work(home: Path, die_at: str = "") -> int:
    """Run the pipeline in a process of its own; returns how it ended."""

    def child() -> None:
        def die(name: str) -> None:
            if name == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        database = Database(f"sqlite:///{home / 'apprentice.db'}")
        work_until_done(make_workshop(database, home, checkpoint=die))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def rows(session: Session, table) -> list:
    return list(session.exec(select(table)))


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_kill_costs_one_step_and_nothing_else(tmp_path, checkpoint):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, FACTS)
        ask_in_vain(session, 1)
        ask_for_run(session)
    database.close()

    killed = work(tmp_path, die_at=checkpoint)
    finished = work(tmp_path)

    assert (killed, finished) == (-signal.SIGKILL, 0)
    with database.read() as session:
        (run,) = rows(session, Run)
        assert (run.state, run.error, run.attempts) == (RunState.DONE, None, 0)
        assert [version.name for version in rows(session, ModelVersion)] == ["workspace-v1"]
        assert [e.verdict for e in rows(session, Evaluation)] == [Verdict.PROMOTE]
        assert len(rows(session, Snapshot)) == 1
        assert len(rows(session, SnapshotRow)) == 2 * FACTS
        assert len(rows(session, EvaluationAnswer)) == 4 * FACTS
        assert [metric.step for metric in rows(session, RunMetric)] == [1, 2, 3, 4, 5, 6]
    assert ScriptedTrainer(tmp_path / "jobs").starts == ["run-1"]


def test_every_checkpoint_of_the_pipeline_is_killed_at(tmp_path):
    """A new checkpoint that nobody kills at would go unnoticed."""
    seen: dict[str, None] = {}
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, FACTS)
        ask_in_vain(session, 1)
        ask_for_run(session)

    work_until_done(
        make_workshop(database, tmp_path, checkpoint=lambda name: seen.update({name: None}))
    )

    assert list(seen) == CHECKPOINTS
