"""What ends is seen, told once at each of five distances, and shown in App Home."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.answering import canary, pins, promotion
from bot.engines.openai_api import OpenAIApiEngine
from bot.engines.routed import RoutedEngine
from bot.pipeline import Radar, Workshop
from bot.sunsets import Ends, known_end, threshold
from handlers import home
from handlers.people import Person
from storage import sunsets
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import AdminNotice, Sunset
from tests.clock import Clock
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.running_trainer import KEY, RunningTrainer, running_trainer, trainer_at
from tests.teaching import TEAM, teach_facts

ENDS = date(2027, 6, 30)
ENDS_AT = datetime(2027, 6, 30, 9, tzinfo=UTC)


@pytest.fixture
def service(tmp_path: Path):
    engine = KnowingEngine(FACTS, tuning_pays)
    with running_trainer(tmp_path / "service", engine=engine, shutdown_date=ENDS) as running:
        yield running


@pytest.fixture
def database(database: Database) -> Database:
    with database.write() as session:
        teach_facts(session, 12)
    return database


@pytest.fixture
def workshop(service: RunningTrainer, database: Database, tmp_path: Path, clock: Clock) -> Workshop:
    remote = OpenAIApiEngine(service.base_url, KEY)
    service.close_at_end(remote.stop)
    made = make_workshop(database, tmp_path)
    return replace(
        made, now=clock, engine=RoutedEngine(KnowingEngine(FACTS, tuning_pays), {"openai": remote}),
        trainers={**made.trainers, "openai": trainer_at(service)},
    )  # fmt: skip


def serve_from_there(database: Database, workshop: Workshop) -> None:
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    work_until_done(workshop, steps=2000)
    with database.write() as session:
        promotion.promote(session, TEAM, "workspace-v1", "U0ALICE", Viewer.model(WORKSPACE))


def notices(database: Database) -> list[str]:
    with database.read() as session:
        found = session.exec(select(AdminNotice).order_by(AdminNotice.id))
        return [row.text for row in found]


def test_base_and_served_model_are_watched_and_each_distance_warns_once(database, workshop, clock):
    serve_from_there(database, workshop)
    clock.time = ENDS_AT - timedelta(days=91)
    Radar(workshop).look()
    assert notices(database) == []
    with database.read() as session:
        rows = session.exec(select(Sunset).order_by(Sunset.id)).all()
    assert [(row.ends_on, row.version, row.source) for row in rows] == [
        (ENDS, "", "`openai` itself"), (ENDS, "workspace-v1", "`openai` itself"),
    ]  # fmt: skip

    counts = []
    for days in (90, 89, 31, 30, 14, 8, 7, 2, 1, 0):
        clock.time = ENDS_AT - timedelta(days=days)
        Radar(workshop).look()
        counts.append(len(notices(database)))
    assert counts == [2, 2, 2, 4, 6, 6, 8, 8, 10, 10]
    assert "ends on 30 June 2027, in 90 days. workspace-v1 answers from it." in notices(database)[1]
    assert "`/apprentice migrate local`" in notices(database)[1]
    assert "`/apprentice train local`" in notices(database)[0]


@pytest.mark.parametrize("use", ["pinned", "canary"])
def test_what_answers_in_one_channel_or_some_conversations_is_watched_too(
    database, workshop, clock, use
):
    serve_from_there(database, workshop)
    viewer = Viewer.model(WORKSPACE)
    with database.write() as session:
        promotion.rollback(session, TEAM, WORKSPACE, "U0ALICE")
        if use == "pinned":
            pins.pin_version(session, TEAM, "C0HELP", WORKSPACE, "workspace-v1", "U0ALICE", viewer)
        else:
            ends = clock() + timedelta(days=900)
            plan = canary.Plan("workspace-v1", 20, "U0ALICE", "C0HELP", ends)
            canary.start(session, TEAM, plan, viewer)
    clock.time = ENDS_AT - timedelta(days=30)

    Radar(workshop).look()
    Radar(workshop).look()

    (warning,) = [said for said in notices(database) if "workspace-v1" in said]
    assert "ends on 30 June 2027, in 30 days. workspace-v1 answers from it." in warning
    assert "`/apprentice train local`" in warning, "there is nothing live to move"


def test_what_was_rolled_back_answers_nobody_and_is_not_warned_of(database, workshop, clock):
    serve_from_there(database, workshop)
    with database.write() as session:
        promotion.rollback(session, TEAM, WORKSPACE, "U0ALICE")
    clock.time = ENDS_AT - timedelta(days=30)

    Radar(workshop).look()

    assert [said for said in notices(database) if "workspace-v1" in said] == []


def test_the_first_look_warns_of_the_nearest_distance_alone(database, workshop, clock):
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    clock.time = ENDS_AT - timedelta(days=5)

    Radar(workshop).look()

    assert len(notices(database)) == 1


def test_a_warning_that_was_slept_through_comes_as_soon_as_it_can(database, workshop, clock):
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    clock.time = ENDS_AT - timedelta(days=45)
    Radar(workshop).look()
    clock.time = ENDS_AT - timedelta(days=28)
    Radar(workshop).look()
    clock.time = ENDS_AT - timedelta(days=27)
    Radar(workshop).look()

    assert len(notices(database)) == 2, "that of 90 days, and that of 30 two days late"
    assert "in 28 days" in notices(database)[1]
    clock.time = ENDS_AT + timedelta(days=3)
    Radar(workshop).look()
    assert "is over since 30 June 2027" in notices(database)[2]


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (None, None), ("", None), ("soon", None), (1799884800, None), ({"on": 1}, None),
        ("2027-13-45", None), ("2027-06-30T12:00:00Z", ENDS), ("2020-01-01", date(2020, 1, 1)),
    ],
)  # fmt: skip
def test_a_date_nobody_can_read_is_none_and_one_in_the_past_is_one(service, given, day):
    model = {"id": "tiny-base", "object": "model", "created": 1, "owned_by": "x"}
    service.fault(kind="status", status=200, body=model | {"shutdown_date": given}, path="/models/")

    assert trainer_at(service).shutdown_dates(["tiny-base"]) == ({"tiny-base": day} if day else {})


def test_a_date_that_moves_is_warned_of_anew_and_one_withdrawn_no_more(
    database, workshop, clock, service
):
    def publish(day: str | None) -> None:
        model = {"id": "tiny-base", "object": "model", "created": 1, "shutdown_date": day}
        service.fault()
        service.fault(kind="status", status=200, body=model, path="/models/", times=99)

    with database.write() as session:
        ask_for_run(session, trainer="openai")
    for day, days_before in ((None, 31), ("2027-06-30", 30), ("2027-07-01", 29), (None, 5)):
        publish(day)
        clock.time = ENDS_AT - timedelta(days=days_before)
        Radar(workshop).look()

    first, second = notices(database)
    assert "on 30 June 2027, in 30 days" in first
    assert "on 1 July 2027, in 30 days" in second
    with database.read() as session:
        assert session.exec(select(Sunset)).all() == []


def test_it_looks_once_a_day_and_again_where_nobody_answered(database, workshop, clock, service):
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    clock.time = ENDS_AT - timedelta(days=5)
    radar = Radar(workshop)
    service.fault(kind="status", status=500, path="/v1", times=50)
    radar.look()
    assert notices(database) == []

    service.fault()
    radar.look()
    assert len(notices(database)) == 1

    service.fault(kind="status", status=500, path="/v1", times=50)
    radar.look()
    clock.time = ENDS_AT - timedelta(days=4)
    radar.look()
    with database.read() as session:
        assert len(session.exec(select(Sunset)).all()) == 1, "what is known is kept"
    service.fault()


def test_what_is_not_in_use_is_not_asked_about(database, workshop, clock):
    clock.time = ENDS_AT - timedelta(days=5)
    Radar(workshop).look()

    assert notices(database) == []


def test_the_table_knows_what_providers_publish_nowhere_else():
    tuned = "ft:gpt-4.1-mini-2025-04-14:team:run-3:abc"
    assert known_end("openai", [tuned], Ends.SERVING).on == date(2027, 1, 14)
    assert known_end("openai", [tuned], Ends.TRAINING).on == date(2027, 1, 6)
    azure = "gpt-4.1-mini-2025-04-14.ft-0123"
    assert known_end("azure", [azure], Ends.SERVING).on == date(2027, 10, 14)
    assert known_end("openai", ["tiny-base"], Ends.SERVING) is None
    assert [threshold(days) for days in (91, 90, 31, 30, 7, 1, 0, -3)] == [
        None, 90, 90, 30, 7, 1, 1, 1,
    ]  # fmt: skip


def test_app_home_says_it_to_who_may_know(database, workshop, clock, deps_for):
    with database.write() as session:
        for audience, model in ((WORKSPACE, "ft:open"), ("C0OPS", "ft:secret")):
            session.add(
                Sunset(team_id=TEAM, audience=audience, trainer="openai", model=model,
                       ends="serving", ends_on=ENDS, version="v1", source="x")
            )  # fmt: skip
    clock.time = ENDS_AT - timedelta(days=30)
    deps = deps_for(database, clock)
    person = Person("U0CAROL", "Carol", False, False, False, False)

    overview = home.read_overview(TEAM, person, Viewer.person(()), home.Look(), deps)
    shown = str(home.home_view(overview, deps))

    assert "`ft:open` at `openai` ends on 30 June 2027, in 30 days" in shown
    assert "ft:secret" not in shown
    clock.time = ENDS_AT - timedelta(days=200)
    overview = home.read_overview(TEAM, person, Viewer.person(()), home.Look(), deps)
    assert "Ends soon" not in str(home.home_view(overview, deps))


@pytest.fixture
def deps_for():
    from slack_sdk import WebClient

    from handlers.deps import Deps
    from handlers.people import People

    def make(database: Database, clock: Clock) -> Deps:
        return Deps(
            database=database, people=People(WebClient()), home=Path(), trainer="local",
            good_reaction="white_check_mark", bad_reaction="x", answer_queue=5,
            outsiders_get_base_model=False, now=clock,
        )  # fmt: skip

    return make


def test_what_nobody_uses_any_more_is_forgotten(database):
    with database.write() as session:
        sunsets.replace(
            session, "openai",
            [Sunset(team_id=TEAM, audience=WORKSPACE, trainer="openai", model="m", ends="serving",
                    ends_on=ENDS, source="x")],
        )  # fmt: skip
        sunsets.replace(session, "openai", [])
        assert sunsets.visible(session, TEAM, Viewer.person(()), date(2030, 1, 1)) == []
