"""A run that rests: the pipeline's side of pausing, also under ``kill -9``."""

import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import TrainingError
from bot.pipeline import advance
from storage import runs, spending
from storage.database import Database
from storage.tables import AdminNotice, ModelVersion, Run, RunState
from tests.pipeline_parts import ask_for_run, make_workshop, only, work_until_done
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, fresh_database, teach_facts

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
STEPS = 12
CHECKPOINTS = ["job paused", "pause kept", "job resumed", "resume kept"]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session)
    return database


def slow(home: Path) -> ScriptedTrainer:
    return ScriptedTrainer(home / "jobs", total_steps=STEPS)


def train_until_first_steps(workshop) -> None:
    while not run_of(workshop.database).progress.get("done"):
        advance(workshop)


def run_of(database: Database, run_id: int = 1) -> Run:
    with database.read() as session:
        return session.get_one(Run, run_id)


def ask(database: Database, what, run_id: int = 1) -> None:
    with database.write() as session:
        what(session, session.get_one(Run, run_id), "U0ALICE")


def test_a_run_rests_until_it_is_let_go_on(database, tmp_path):
    trainer = slow(tmp_path)
    workshop = make_workshop(database, tmp_path, trainer=trainer)
    train_until_first_steps(workshop)

    ask(database, runs.ask_to_pause)
    work_until_done(workshop)
    resting = run_of(database)
    moved = advance(workshop)

    assert (resting.state, resting.paused_at is not None, moved) == (RunState.PAUSED, True, False)
    assert 0 < resting.progress["done"] < STEPS

    ask(database, runs.ask_to_resume)
    work_until_done(workshop)

    run = run_of(database)
    assert (run.state, run.pause_requested_by, run.paused_at) == (RunState.DONE, None, None)
    assert trainer.starts == ["run-1"]


def test_others_take_their_turn_meanwhile_and_are_not_interrupted_after(database, tmp_path):
    workshop = make_workshop(database, tmp_path, trainer=slow(tmp_path))
    train_until_first_steps(workshop)
    ask(database, runs.ask_to_pause)
    advance(workshop)
    with database.write() as session:
        second = ask_for_run(session).id
    while run_of(database, second).state is not RunState.TRAINING:
        advance(workshop)

    ask(database, runs.ask_to_resume)
    advance(workshop)

    assert run_of(database).state is RunState.PAUSED
    assert run_of(database, second).state is RunState.TRAINING
    work_until_done(workshop)
    assert [run_of(database, n).state for n in (1, second)] == [RunState.DONE, RunState.DONE]


def rested(database, tmp_path, clock):
    """A run that trained for an hour and then rested for forty."""
    workshop = replace(
        make_workshop(database, tmp_path, trainer=slow(tmp_path)), now=lambda: clock[0]
    )
    train_until_first_steps(workshop)
    clock[0] += timedelta(hours=1)
    ask(database, runs.ask_to_pause)
    advance(workshop)
    clock[0] += timedelta(hours=40)
    return workshop


def test_the_time_it_rests_is_no_training_time(database, tmp_path):
    clock = [NOON]
    workshop = rested(database, tmp_path, clock)

    with database.read() as session:
        assert spending.spent_in_month(session, TEAM, clock[0]).hours == pytest.approx(1.0)
    ask(database, runs.ask_to_resume)
    advance(workshop)
    clock[0] += timedelta(hours=1)
    work_until_done(workshop)

    assert run_of(database).training_seconds == pytest.approx(2 * 3600)


def test_one_cancelled_at_rest_cost_what_it_took_until_then(database, tmp_path):
    clock = [NOON]
    workshop = rested(database, tmp_path, clock)
    ask(database, runs.ask_to_cancel)
    work_until_done(workshop)

    assert run_of(database).state is RunState.CANCELLED
    with database.read() as session:
        assert spending.spent_in_month(session, TEAM, clock[0]).hours == pytest.approx(1.0)


def test_a_run_that_ends_before_the_wish_arrives_just_ends(database, tmp_path):
    workshop = make_workshop(database, tmp_path, trainer=slow(tmp_path))
    train_until_first_steps(workshop)
    while slow(tmp_path).status("run-1").step < STEPS:
        pass

    ask(database, runs.ask_to_pause)
    work_until_done(workshop)

    run = run_of(database)
    assert (run.state, run.pause_requested_by) == (RunState.DONE, None)


class Unwilling(ScriptedTrainer):
    """A provider that has no pause for this job, or lost it on the way."""

    def pause(self, job_id: str) -> None:
        raise TrainingError("The job is not running yet: ask again later.")


def test_a_refusal_is_told_to_the_admins_and_the_run_goes_on(database, tmp_path):
    workshop = make_workshop(
        database, tmp_path, trainer=Unwilling(tmp_path / "jobs", total_steps=STEPS)
    )
    train_until_first_steps(workshop)

    ask(database, runs.ask_to_pause)
    work_until_done(workshop)

    notice = only(database, AdminNotice)
    assert run_of(database).state is RunState.DONE
    assert "could not be paused and goes on; <@U0ALICE> asked for it." in notice.text
    assert "ask again later" in notice.text


def test_a_wish_taken_back_before_it_was_noted_leaves_nothing_at_rest(database, tmp_path):
    """A crash may fall between the trainer's pause and our note of it."""
    trainer = slow(tmp_path)
    workshop = make_workshop(database, tmp_path, trainer=trainer)
    train_until_first_steps(workshop)
    ask(database, runs.ask_to_pause)
    trainer.pause("run-1")

    ask(database, runs.ask_to_resume)
    work_until_done(workshop)

    assert run_of(database).state is RunState.DONE


def live(home: Path, die_at: str = "") -> int:
    """A life of the bot in a process of its own, in which an admin pauses and lets go on."""

    def child() -> None:
        def die(name: str) -> None:
            if name == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        database = Database(f"sqlite:///{home / 'apprentice.db'}")
        workshop = replace(make_workshop(database, home, trainer=slow(home)), checkpoint=die)
        if run_of(database).state is RunState.QUEUED:
            train_until_first_steps(workshop)
            ask(database, runs.ask_to_pause)
        work_until_done(workshop)
        if run_of(database).pause_requested_by:
            ask(database, runs.ask_to_resume)
            work_until_done(workshop)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_kill_while_it_is_paused_or_resumed_loses_nothing(database, tmp_path, checkpoint):
    database.close()

    killed = live(tmp_path, die_at=checkpoint)
    finished = live(tmp_path)

    assert (killed, finished) == (-signal.SIGKILL, 0)
    run = run_of(database)
    assert (run.state, run.error, run.pause_requested_by) == (RunState.DONE, None, None)
    assert only(database, ModelVersion).name == "workspace-v1"
    assert slow(tmp_path).starts == ["run-1"]
