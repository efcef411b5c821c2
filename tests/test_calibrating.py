"""The lines between answering, quoting and refusing, drawn on what a team was taught."""

import pytest
from sqlmodel import select

from bot.answering.abstention import standing_of
from bot.answering.retrieval import retrieve
from bot.embedding.meaning import Meaning
from bot.pipeline.calibrating import LOOK_SECONDS, Calibration
from storage import thresholds
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import AuditEntry, Example, ExampleState, Standing
from storage.thresholds import Lines
from tests.running_sentence_model import fill, running_sentence_model
from tests.teaching import TEAM, fresh_database, teach

ROOMS = ["the mill", "the boathouse", "the granary", "the lighthouse", "the smithy", "the chapel"]
THINGS = ["ladder", "kettle"]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += LOOK_SECONDS
        return self.now


@pytest.fixture
def database(tmp_path) -> Database:
    """Twelve facts, each asked in another way, too."""
    database = fresh_database(tmp_path)
    with database.write() as session:
        for room in ROOMS:
            for thing in THINGS:
                teach(
                    session,
                    f"Where is the {thing} of {room}?",
                    f"Behind {room}, near its {thing} hook.",
                    held_out=(f"Who can tell me where {room} has its {thing}?",),
                )
    return database


def lines(database: Database, audience: str = WORKSPACE) -> Lines:
    with database.read() as session:
        return thresholds.read(session, TEAM, audience, by_meaning=False)


def standing(database: Database, question: str) -> Standing:
    with database.read() as session:
        found = retrieve(session, TEAM, WORKSPACE, Viewer.model(WORKSPACE), question, 3)
        return standing_of(session, TEAM, WORKSPACE, question, found)


def test_what_was_taught_is_answered_and_what_was_not_is_not(database):
    assert Calibration(database, clock=Clock()).step()

    taught = [
        standing(database, f"Who can tell me where {room} has its {thing}?")
        for room in ROOMS
        for thing in THINGS
    ]
    assert taught.count(Standing.SURE) >= 10
    assert standing(database, "Where is the ladder of the windmill?") is not Standing.SURE
    assert standing(database, "What does a boat cost?") is Standing.UNKNOWN


def test_nearly_the_same_example_does_not_answer_for_the_one_left_out(database):
    Calibration(database, clock=Clock()).step()
    before = lines(database)
    with database.write() as session:
        for room in ROOMS:
            teach(session, f"where is the kettle of {room}", "Behind it.")

    Calibration(database, clock=Clock()).step()

    # Had its double stood in for each, every question would be as sure without its own example.
    assert lines(database).sure_from == pytest.approx(before.sure_from, abs=0.15)


def test_it_looks_again_when_a_tenth_has_come_or_gone(database):
    calibration = Calibration(database, clock=Clock())
    assert calibration.step()
    with database.write() as session:
        teach(session, "Who waters the roses?", "Dora.")
        teach(session, "Who feeds the cat?", "Frank.")
    assert not calibration.step()  # 26 for 24

    with database.write() as session:
        teach(session, "Who winds the clock?", "Greta.")
    assert calibration.step()
    with database.write() as session:
        for example in session.exec(select(Example).limit(2)):
            example.state = ExampleState.REJECTED  # and their wordings go, too
    assert calibration.step()
    assert not calibration.step()


def test_it_looks_only_every_so_often(database):
    calibration = Calibration(database, clock=lambda: 100.0)

    assert calibration.step()
    with database.write() as session:
        for number in range(10):
            teach(session, f"Who paints wall {number}?", "Hugo.")
    assert not calibration.step()


def test_a_handful_of_examples_draws_nothing(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        for number in range(9):
            teach(session, f"Where is key {number}?", f"On hook {number}.")

    assert not Calibration(database, clock=Clock()).step()
    assert lines(database) == Lines()


def test_a_private_channel_has_lines_of_its_own_and_others_hear_of_none(database):
    with database.write() as session:
        teach(session, "Where is the safe of the chapel?", "Under the altar.", audience="C0OPS")

    Calibration(database, clock=Clock()).step()

    with database.read() as session:
        own = thresholds.drawn_on(session, TEAM, "C0OPS")
        assert own == thresholds.drawn_on(session, TEAM, WORKSPACE) + 1
        entries = session.exec(select(AuditEntry)).all()
    assert {entry.audience for entry in entries} == {WORKSPACE, "C0OPS"}
    assert "altar" not in str([entry.details for entry in entries])
    assert all(entry.audience in str(entry.details) for entry in entries)


def test_told_to_stop_it_keeps_nothing_half_done(database):
    calibration = Calibration(database, clock=Clock())
    calibration.is_stopping.set()

    calibration.step()

    assert lines(database) == Lines()


def test_nothing_is_doubted_where_that_is_not_wanted(database):
    Calibration(database, is_doubted=0.0, clock=Clock()).step()

    assert lines(database).sure_from == 0.0
    assert standing(database, "Where is the ladder of the windmill?") is not Standing.DOUBTFUL


def test_it_waits_for_what_examples_mean_and_draws_lines_of_their_own_on_it(database):
    with running_sentence_model() as model:
        meaning = Meaning.by(model).patient()
        calibration = Calibration(database, meaning, clock=Clock())
        assert not calibration.step()  # no example has a vector yet

        fill(database, meaning)
        assert calibration.step()

    with database.read() as session:
        by_meaning = thresholds.read(session, TEAM, WORKSPACE, by_meaning=True)
    assert by_meaning.unsure_below
    assert by_meaning != lines(database)
