"""What a run will take is estimated first, and what is above a limit waits for an admin."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_sdk import WebClient
from sqlmodel import select
from typer.testing import CliRunner

from bot.budget import Limits, Spent, objections
from bot.cli import cli
from bot.dataset.rights import attest
from bot.engines.openai_api import OpenAIApiEngine
from bot.engines.routed import RoutedEngine
from bot.errors import SettingsError
from bot.pipeline import Workshop, advance, keep_schedules
from bot.pipeline.budgeting import DEFAULT_TOKENS_PER_SECOND
from bot.settings import load_settings
from bot.trainers import terms_of
from bot.training.prices import Price, Terms, estimate
from handlers.deps import Deps
from handlers.people import People, Person
from handlers.run_actions import approve as press_approve
from storage import runs, schedules, spending
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import AdminNotice, AuditEntry, Run, RunState, Source
from tests.clock import START, Clock
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.running_trainer import KEY, running_trainer, trainer_at
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, teach, teach_facts

#: So dear that twelve rows cost some dollars.
DEAR = Terms("openai", 8, Price("tiny-base", 1000.0, "2026-11", "a test"), has_our_epochs=True)


@pytest.fixture
def database(database: Database) -> Database:
    with database.write() as session:
        teach_facts(session, 12)
    return database


@pytest.fixture
def workshop(database: Database, tmp_path: Path, clock: Clock) -> Workshop:
    trainer = ScriptedTrainer(tmp_path / "jobs")
    made = make_workshop(database, tmp_path, trainer=trainer)
    return replace(
        made, now=clock, trainers={"local": trainer, "openai": trainer},
        terms=dict(made.terms) | {"openai": DEAR},
    )  # fmt: skip


def queue(database: Database, trainer: str = "openai", audience: str = WORKSPACE) -> int:
    with database.write() as session:
        return ask_for_run(session, audience, trainer=trainer).id or 0


def run_of(database: Database, run_id: int) -> Run:
    with database.read() as session:
        return session.get_one(Run, run_id)


def approve(database: Database, run_id: int) -> None:
    with database.write() as session:
        runs.approve(session, session.get_one(Run, run_id), "U0ALICE")


def test_without_limits_the_estimate_is_written_and_the_run_goes_on(database, workshop):
    run_id = queue(database)
    work_until_done(workshop)

    run = run_of(database, run_id)
    assert run.state == RunState.DONE
    assert run.estimate["dollars"] == pytest.approx(run.estimate["tokens"] / 1000, abs=0.01)
    assert run.estimate["epochs"] > 1
    assert run.estimate["over"] == []


def test_above_the_limit_nothing_starts_until_an_admin_approves(database, workshop, tmp_path):
    strict = replace(workshop, limits=Limits(dollars_per_run=0.5))
    run_id = queue(database)
    work_until_done(strict)

    run = run_of(database, run_id)
    assert run.state == RunState.WAITING
    assert "A run may take $0.50" in run.estimate["over"][0]
    assert ScriptedTrainer(tmp_path / "jobs").starts == []
    with database.read() as session:
        notice = session.exec(select(AdminNotice)).one()
    assert (notice.run_id, notice.told_at) == (run_id, None)

    later = replace(make_workshop(database, tmp_path), limits=strict.limits, terms=strict.terms,
                    trainers=strict.trainers)  # fmt: skip
    work_until_done(later)
    assert run_of(database, run_id).state == RunState.WAITING, "a restart changes nothing"

    approve(database, run_id)
    work_until_done(later)
    run = run_of(database, run_id)
    assert (run.state, run.approved_by) == (RunState.DONE, "U0ALICE")
    assert ScriptedTrainer(tmp_path / "jobs").starts == [f"run-{run_id}"]


def test_rights_that_were_withdrawn_while_it_waited_hold(database, workshop, tmp_path):
    strict = replace(workshop, limits=Limits(dollars_per_run=0.5))
    run_id = queue(database)
    work_until_done(strict)
    with database.write() as session:
        attest(session, TEAM, "U0ALICE", (Source.SLACK_MESSAGE,))

    approve(database, run_id)
    work_until_done(strict)

    run = run_of(database, run_id)
    assert run.state == RunState.FAILED
    assert "rows from authored, which nobody attests any more" in (run.error or "")
    assert ScriptedTrainer(tmp_path / "jobs").starts == []


@pytest.mark.parametrize("per_million", [0.01, 1.0])
def test_what_costs_less_than_a_cent_is_not_rounded_away(per_million):
    price = replace(DEAR.price, per_million=per_million)

    found = estimate(replace(DEAR, price=price), [100] * 30)

    assert found.dollars == pytest.approx(found.tokens * per_million / 1e6)


def test_a_scheduled_run_waits_as_well(database, workshop, clock):
    with database.write() as session:
        ask_for_run(session).state = RunState.CANCELLED
        schedules.put(
            session, TEAM, WORKSPACE, rule="cron 0 3 * * *", zone="UTC", trainer="openai",
            channel_id="C0HELP", by="U0ALICE", next_at=START,
        )  # fmt: skip
    strict = replace(workshop, limits=Limits(dollars_per_run=0.5))
    keep_schedules(strict)
    work_until_done(strict)

    (run,) = [run for run in all_runs(database) if run.origin == "schedule"]
    assert run.state == RunState.WAITING


def all_runs(database: Database) -> list[Run]:
    with database.read() as session:
        return list(session.exec(select(Run)))


def test_a_run_that_waits_holds_up_no_other(database, workshop):
    with database.write() as session:
        teach(session, "Which port does the vault use?", "8200.", audience="C0OPS")
    strict = replace(workshop, limits=Limits(dollars_per_run=0.5))
    first, second = queue(database), queue(database, "local", "C0OPS")
    work_until_done(strict)

    assert run_of(database, first).state == RunState.WAITING
    assert run_of(database, second).state == RunState.DONE
    with database.write() as session:
        runs.ask_to_cancel(session, session.get_one(Run, first), "U0ALICE")
    work_until_done(strict)
    assert run_of(database, first).state == RunState.CANCELLED


def test_the_months_runs_add_up_and_the_next_month_begins_anew(database, workshop, clock):
    first = queue(database)
    work_until_done(workshop)
    cost = run_of(database, first).estimate["dollars"]
    strict = replace(workshop, limits=Limits(dollars_per_month=cost * 1.5))
    second = queue(database)
    work_until_done(strict)
    assert run_of(database, second).state == RunState.WAITING
    assert "of it is gone" in run_of(database, second).estimate["over"][0]

    with database.write() as session:
        runs.ask_to_cancel(session, session.get_one(Run, second), "U0ALICE")
    work_until_done(strict)
    clock.time = datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
    third = queue(database)
    work_until_done(strict)
    assert run_of(database, third).state == RunState.DONE


@pytest.mark.parametrize("change", ["a new month", "a raised limit"])
def test_a_run_that_fits_by_now_waits_for_nobody(database, workshop, clock, change):
    first = queue(database)
    work_until_done(workshop)
    cost = run_of(database, first).estimate["dollars"]
    strict = replace(workshop, limits=Limits(dollars_per_month=cost * 1.5))
    second = queue(database)
    work_until_done(strict)
    clock.time = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    work_until_done(strict)
    assert run_of(database, second).state == RunState.WAITING

    if change == "a new month":
        clock.time = datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
        work_until_done(strict)
    else:
        work_until_done(replace(workshop, limits=Limits(dollars_per_month=cost * 3)))

    run = run_of(database, second)
    assert (run.state, run.approved_by, run.estimate["over"]) == (RunState.DONE, None, [])
    with database.read() as session:
        said = [row.action for row in session.exec(select(AuditEntry).order_by(AuditEntry.id))]
    assert said.count("run.within_budget") == said.count("run.over_budget") == 1


def test_two_admins_who_approve_in_the_same_moment_start_one_job(database, workshop, tmp_path):
    strict = replace(workshop, limits=Limits(dollars_per_run=0.5))
    run_id = queue(database)
    work_until_done(strict)
    deps = Deps(
        database=database, people=People(WebClient()), home=tmp_path, trainer="openai",
        good_reaction="white_check_mark", bad_reaction="x", answer_queue=5,
        outsiders_get_base_model=False,
    )  # fmt: skip
    said: list[str] = []

    def press(user_id: str) -> None:
        person = Person(user_id, user_id, False, False, True, True)
        said.append(press_approve(TEAM, run_id, person, Viewer.model(WORKSPACE), deps))

    threads = [threading.Thread(target=press, args=(who,)) for who in ("U0ALICE", "U0BOB")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work_until_done(strict)

    assert sorted(words.split(".")[0] for words in said) == [
        "Approved", f"Run {run_id} does not wait for approval any more: it is queued",
    ]  # fmt: skip
    assert ScriptedTrainer(tmp_path / "jobs").starts == [f"run-{run_id}"]


def test_a_run_that_rests_is_spent_as_estimated_for_the_one_that_takes_its_turn(database, workshop):
    with database.write() as session:
        for number in range(9):
            teach(session, f"Vault {number}?", f"Port {number}.", audience="C0OPS")
    slow = ScriptedTrainer(workshop.home / "slow", total_steps=1000, steps_a_look=1)
    slow_workshop = replace(workshop, trainers={"openai": slow})
    first = queue(database)
    while run_of(database, first).state is not RunState.TRAINING:
        advance(slow_workshop)
    cost = run_of(database, first).estimate["dollars"]
    with database.write() as session:
        runs.ask_to_pause(session, session.get_one(Run, first), "U0ALICE")
    advance(slow_workshop)
    second = queue(database, audience="C0OPS")

    work_until_done(replace(slow_workshop, limits=Limits(dollars_per_month=cost * 1.5)))

    assert [run_of(database, each).state for each in (first, second)] == [
        RunState.PAUSED, RunState.WAITING,
    ]  # fmt: skip


def test_hours_come_from_runs_that_were_measured(database, workshop, clock):
    first = queue(database, "local")
    for _ in range(4):
        advance(workshop)
    assert run_of(database, first).state == RunState.TRAINING
    estimate = run_of(database, first).estimate
    assert (estimate["tokens_per_second"], estimate["is_measured"]) == (
        DEFAULT_TOKENS_PER_SECOND, False,
    )  # fmt: skip
    clock.time += timedelta(hours=2)
    work_until_done(workshop)
    assert run_of(database, first).training_seconds == 7200

    second = queue(database, "local")
    work_until_done(replace(workshop, limits=Limits(hours_per_run=1.5)))

    run = run_of(database, second)
    assert (run.state, run.estimate["is_measured"]) == (RunState.WAITING, True)
    assert run.estimate["hours"] == pytest.approx(2.0)
    with database.read() as session:
        assert spending.spent_in_month(session, TEAM, clock()).hours == pytest.approx(2.0)


def test_a_price_nobody_knows_waits_where_there_is_a_limit(database, workshop):
    unknown = replace(DEAR, price=replace(DEAR.price, per_million=None))
    terms = dict(workshop.terms) | {"openai": unknown}
    run_id = queue(database)
    work_until_done(replace(workshop, terms=terms, limits=Limits(dollars_per_month=100)))

    assert run_of(database, run_id).estimate["over"] == [
        "What it costs is not known beforehand, and there is a limit."
    ]


def test_large_data_sets_are_estimated_from_some_rows(database, workshop, monkeypatch):
    run_id = queue(database)
    monkeypatch.setattr("bot.pipeline.budgeting.COUNTED_ROWS", 3)
    work_until_done(workshop)
    again = queue(database)
    monkeypatch.undo()
    work_until_done(workshop)

    few, all_ = (run_of(database, id_).estimate["tokens"] for id_ in (run_id, again))
    assert abs(few - all_) <= 0.05 * all_


def test_the_bill_of_a_service_is_within_five_percent_of_the_estimate(database, tmp_path):
    with running_trainer(tmp_path / "service", engine=KnowingEngine(FACTS, tuning_pays)) as service:
        remote = OpenAIApiEngine(service.base_url, KEY)
        service.close_at_end(remote.stop)
        engine = RoutedEngine(KnowingEngine(FACTS, tuning_pays), {"openai": remote})
        made = make_workshop(database, tmp_path)
        workshop = replace(
            made, engine=engine, trainers={"openai": trainer_at(service)}, terms={"openai": DEAR}
        )
        run_id = queue(database)
        work_until_done(workshop, steps=2000)

    run = run_of(database, run_id)
    assert run.cost == run.record["trained_tokens"] / 1000
    assert abs(run.cost - run.estimate["dollars"]) <= 0.05 * run.cost
    with database.read() as session:
        spent = spending.spent_in_month(session, TEAM, workshop.now())
    assert spent.dollars == pytest.approx(run.cost)


@pytest.mark.parametrize(
    ("limits", "dollars", "hours", "spent", "count"),
    [
        (Limits(), 1e9, 1e9, Spent(), 0),
        (Limits(1, 0, 0, 0), 1.0, None, Spent(), 0),
        (Limits(1, 0, 0, 0), 1.01, None, Spent(), 1),
        (Limits(0, 10, 0, 0), 1.0, None, Spent(9.0), 0),
        (Limits(0, 10, 0, 0), 1.1, None, Spent(9.0), 1),
        # 0.1 + 0.2 is a little more than 0.3.
        (Limits(0, 0.3, 0, 0.3), 0.2, 0.2, Spent(0.1, 0.1), 0),
        (Limits(0, 0.3, 0, 0.3), 0.2001, 0.2001, Spent(0.1, 0.1), 2),
        (Limits(0, 0, 2, 3), 0.0, 2.5, Spent(0, 1), 2),
        (Limits(1, 1, 1, 1), None, None, Spent(), 2),
    ],
)
def test_what_is_above_which_limit(limits, dollars, hours, spent, count):
    assert len(objections(limits, dollars, hours, spent)) == count


def test_prices_and_limits_are_settings():
    made = {"openai_api_key": "sk-x", "_env_file": None}
    theirs = terms_of(load_settings(**made))["openai"]
    assert (theirs.price.model, theirs.price.per_million) == ("gpt-4.1-mini-2025-04-14", None)
    cheap = terms_of(load_settings(**made, openai_model="gpt-4o-mini-2024-07-18"))["openai"]
    assert cheap.price.per_million == 3.0
    own = terms_of(
        load_settings(**made, openai_base_url="http://gpu/v1", training_prices="openai=2")
    )
    assert (own["openai"].price.per_million, own["openai"].has_our_epochs) == (2.0, True)
    for wrong in ("openai", "openai=x", "nobody=3", "openai=-1", "openai=nan"):
        with pytest.raises(SettingsError, match="TRAINING_PRICES"):
            load_settings(_env_file=None, training_prices=wrong)
    with pytest.raises(SettingsError, match="BUDGET_PER_RUN"):
        load_settings(_env_file=None, budget_per_run=-1)
    assert load_settings(_env_file=None, budget_per_month="12.5").limits == Limits(0, 12.5, 0, 0)


def test_the_check_of_a_data_set_knows_the_price_that_was_set(database, tmp_path):
    settings = {"apprentice_home": tmp_path, "_env_file": None, "openai_api_key": "sk-x",
                "training_prices": "openai=1000"}  # fmt: skip
    words = ["dataset", "check", "--trainer", "openai", "--json"]
    report = CliRunner().invoke(cli, words, obj=lambda **_: load_settings(**settings))

    found = {each["trainer"]: each for each in json.loads(report.stdout)["trainers"]}
    assert found["openai"]["price_source"] == "TRAINING_PRICES"
    assert found["openai"]["dollars"] == pytest.approx(found["openai"]["tokens"] / 1000, abs=0.01)
