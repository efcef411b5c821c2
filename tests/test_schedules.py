"""Schedules queue runs at their times, once, and say why they do not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.dataset.rights import attest
from bot.pipeline import Workshop, keep_schedules
from bot.scheduler import knocks_for
from handlers.schedule_words import schedule_line
from storage import schedules
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import Run, RunState, Schedule, Source
from tests.clock import START, Clock
from tests.pipeline_parts import make_workshop, work_until_done
from tests.teaching import TEAM, fresh_database, teach, teach_facts


@pytest.fixture
def database(database: Database) -> Database:
    with database.write() as session:
        teach_facts(session, 12)
        attest(session, TEAM, "U0ALICE", tuple(Source))
    return database


@pytest.fixture
def workshop(database: Database, tmp_path: Path, clock: Clock) -> Workshop:
    return replace(make_workshop(database, tmp_path), now=clock)


def put(database: Database, rule: str, next_at: datetime | None, **options: str) -> None:
    with database.write() as session:
        schedules.put(
            session, TEAM, options.get("audience", WORKSPACE), rule=rule, zone="Europe/Berlin",
            trainer=options.get("trainer", "local"), channel_id="C0HELP", by="U0ALICE",
            next_at=next_at,
        )  # fmt: skip


def all_runs(database: Database) -> list[Run]:
    with database.read() as session:
        return list(session.exec(select(Run).order_by(Run.id)))


def the_schedule(database: Database) -> Schedule:
    with database.read() as session:
        return session.exec(select(Schedule)).one()


FRIDAY = datetime(2026, 11, 27, 17, tzinfo=UTC)


def test_a_run_is_queued_at_its_time_and_not_before(database, workshop, clock):
    put(database, "cron 0 18 * * fri", FRIDAY)

    clock.time = FRIDAY - timedelta(seconds=1)
    keep_schedules(workshop)
    assert all_runs(database) == []

    clock.time = FRIDAY
    keep_schedules(workshop)
    keep_schedules(workshop)
    (run,) = all_runs(database)
    assert (run.origin, run.requested_by, run.channel_id) == ("schedule", "U0ALICE", "C0HELP")
    assert the_schedule(database).next_at == FRIDAY + timedelta(days=7)
    assert the_schedule(database).last_outcome == "Run 1 was queued."


def test_times_missed_while_the_bot_was_down_count_once(database, workshop, clock):
    put(database, "cron 0 18 * * fri", FRIDAY)

    clock.time = FRIDAY + timedelta(days=23)
    keep_schedules(workshop)
    keep_schedules(workshop)

    assert len(all_runs(database)) == 1
    assert the_schedule(database).next_at == FRIDAY + timedelta(days=28)


@pytest.mark.parametrize(
    ("rule", "within"),
    [("cron 0 18 * * fri", timedelta(days=7)), ("after 5 new examples", timedelta(hours=1))],
)
def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule(
    database, workshop, clock, rule, within
):
    put(database, rule, START)
    clock.time = START + timedelta(days=3000)
    keep_schedules(workshop)
    assert the_schedule(database).next_at > clock.time

    clock.time = START
    keep_schedules(workshop)

    assert START < the_schedule(database).next_at <= START + within
    assert len(all_runs(database)) == 1, "it was its time only by the wrong clock"


def test_a_clock_that_goes_back_a_little_brings_no_second_run(database, workshop, clock):
    put(database, "cron 0 18 * * fri", FRIDAY)
    clock.time = FRIDAY
    keep_schedules(workshop)
    work_until_done(workshop)
    with database.write() as session:
        teach(session, "What is new?", "This.")

    clock.time = FRIDAY - timedelta(minutes=5)
    keep_schedules(workshop)
    clock.time = FRIDAY + timedelta(minutes=5)
    keep_schedules(workshop)

    assert len(all_runs(database)) == 1


def test_a_run_that_is_still_open_is_not_overlapped(database, workshop, clock):
    put(database, "cron 0 18 * * fri", FRIDAY)
    clock.time = FRIDAY
    keep_schedules(workshop)

    clock.time = FRIDAY + timedelta(days=7)
    keep_schedules(workshop)

    assert len(all_runs(database)) == 1
    assert the_schedule(database).last_outcome == "Skipped: run 1 is still open."


def test_nothing_is_trained_twice_on_the_same_data(database, workshop, clock, caplog):
    caplog.set_level("INFO")
    put(database, "cron 0 18 * * fri", FRIDAY)
    clock.time = FRIDAY
    keep_schedules(workshop)
    work_until_done(workshop)

    clock.time += timedelta(days=7)
    keep_schedules(workshop)
    assert len(all_runs(database)) == 1
    assert the_schedule(database).last_outcome == "Skipped: nothing changed since run 1."
    assert "nothing changed since run 1" in caplog.text

    with database.write() as session:
        teach(session, "Who feeds the cat?", "Erin does.")
    clock.time += timedelta(days=7)
    keep_schedules(workshop)
    assert len(all_runs(database)) == 2


@pytest.mark.parametrize("change", ["trainer", "base", "part"])
def test_the_same_data_is_trained_again_where_something_else_changed(
    database, workshop, clock, change
):
    put(database, "cron 0 18 * * fri", FRIDAY)
    clock.time = FRIDAY
    keep_schedules(workshop)
    work_until_done(workshop)
    both = {**workshop.trainers, "openai": workshop.trainers["local"]}
    workshop = replace(workshop, trainers=both)
    clock.time += timedelta(days=7)
    if change == "trainer":
        put(database, "cron 0 18 * * fri", clock.time, trainer="openai")
    elif change == "base":
        workshop = replace(workshop, base=replace(workshop.base, name="another base"))
    else:
        # What a learning curve trained on half of the rows says nothing of all of them.
        with database.write() as session:
            session.exec(select(Run)).one().hyperparameters = {"part": 0.5}

    keep_schedules(workshop)

    assert [run.trainer for run in all_runs(database)] == [
        "local", "openai" if change == "trainer" else "local",
    ]  # fmt: skip


def test_a_failed_run_is_tried_again_at_the_next_time(database, workshop, clock):
    put(database, "cron 0 18 * * fri", FRIDAY)
    clock.time = FRIDAY
    keep_schedules(workshop)
    work_until_done(workshop)
    with database.write() as session:
        session.exec(select(Run)).one().state = RunState.FAILED

    clock.time += timedelta(days=7)
    keep_schedules(workshop)

    assert len(all_runs(database)) == 2


def test_enough_new_examples_bring_a_run(database, workshop, clock):
    put(database, "after 5 new examples", None)
    keep_schedules(workshop)
    assert len(all_runs(database)) == 1, "nothing was ever trained, so all twelve are new"
    work_until_done(workshop)

    with database.write() as session:
        for number in range(4):
            teach(session, f"Who waters plant {number}?", f"Team {number} does.")
    clock.time += timedelta(hours=2)
    keep_schedules(workshop)
    assert len(all_runs(database)) == 1

    with database.write() as session:
        teach(session, "Who waters plant 5?", "Team 5 does.")
    keep_schedules(workshop)
    keep_schedules(workshop)
    assert len(all_runs(database)) == 2


def test_what_nobody_attested_is_not_counted_as_new(database, workshop, clock):
    with database.write() as session:
        attest(session, TEAM, "U0ALICE", (Source.AUTHORED,))
        for number in range(9):
            teach(session, f"Plant {number}?", f"Team {number}.", source=Source.SLACK_MESSAGE)
    put(database, "after 20 new examples", None)

    keep_schedules(workshop)

    assert all_runs(database) == []


def test_a_private_channels_examples_count_for_its_own_schedule_alone(database, workshop):
    with database.write() as session:
        for number in range(9):
            teach(session, f"Vault {number}?", f"Port {number}.", audience="C0OPS")
    put(database, "after 13 new examples", None)
    put(database, "after 13 new examples", None, audience="C0OPS")

    keep_schedules(workshop)

    assert [run.audience for run in all_runs(database)] == ["C0OPS"]


@pytest.mark.parametrize(
    ("trainer", "examples", "reason"),
    [("openai", 12, "needs OPENAI_API_KEY"), ("local", 0, "approved examples")],
)
def test_what_stands_in_the_way_is_said(tmp_path, clock, trainer, examples, reason):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, examples)
        attest(session, TEAM, "U0ALICE", tuple(Source))
    put(database, "daily", START, trainer=trainer)

    keep_schedules(replace(make_workshop(database, tmp_path), now=clock))

    assert all_runs(database) == []
    assert the_schedule(database).last_outcome.startswith("Skipped: ")
    assert reason in the_schedule(database).last_outcome
    database.close()


def test_nobody_attested_so_nothing_is_trained(tmp_path, clock):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
    put(database, "daily", START)

    keep_schedules(replace(make_workshop(database, tmp_path), now=clock))

    assert all_runs(database) == []
    assert "Nobody has confirmed" in the_schedule(database).last_outcome
    database.close()


def test_one_that_cannot_be_kept_keeps_no_other_from_its_time(database, workshop, clock):
    put(database, "daily", START, audience="C0OPS")
    put(database, "daily", START)
    with database.write() as session:
        session.exec(select(Schedule).where(Schedule.audience == "C0OPS")).one().rule = "broken"

    keep_schedules(workshop)

    assert [run.audience for run in all_runs(database)] == [WORKSPACE]


def test_a_crash_before_the_commit_queues_it_once(database, workshop, clock):
    class KilledError(BaseException):
        pass

    def die(name: str) -> None:
        raise KilledError

    put(database, "cron 0 18 * * fri", FRIDAY)
    clock.time = FRIDAY
    with pytest.raises(KilledError):
        keep_schedules(replace(workshop, checkpoint=die))
    assert all_runs(database) == []

    keep_schedules(workshop)
    assert len(all_runs(database)) == 1


def test_the_scheduler_knocks_at_schedules(database, workshop, clock):
    put(database, "daily", START)

    next(knock for knock in knocks_for(workshop) if knock.name == "schedules").call()

    assert len(all_runs(database)) == 1


def test_a_zone_nobody_knows_any_more_is_said_and_keeps_no_run_from_its_time(
    database, workshop, clock
):
    put(database, "cron 0 18 * * fri", START)
    with database.write() as session:
        session.exec(select(Schedule)).one().zone = "Mars/Olympus"

    keep_schedules(workshop)

    assert len(all_runs(database)) == 1
    assert the_schedule(database).next_at == datetime(2026, 11, 27, 18, tzinfo=UTC)
    words = schedule_line(the_schedule(database), clock())
    assert "18:00 (UTC: nobody here knows Mars/Olympus)" in words


def test_one_that_was_replaced_meanwhile_is_not_kept_any_more(database, workshop, clock):
    put(database, "daily", START)

    def replace_it(session, *_: object) -> str:
        put(database, "cron 0 18 * * fri", FRIDAY)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.pipeline.scheduling._why_not", replace_it)
        keep_schedules(workshop)

    assert all_runs(database) == []
    assert the_schedule(database).next_at == FRIDAY
