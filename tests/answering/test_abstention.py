"""When the bot is unsure: a number for how well the best example fits, and where the line is."""

import math
from dataclasses import replace

import pytest

from bot.answering.abstention import (
    Confidence,
    calibrate,
    confidence,
    is_unsure,
    threshold_of,
)
from bot.answering.retrieval import RetrievedExample, retrieve
from storage import thresholds
from storage.audience import WORKSPACE, Viewer
from tests.teaching import TEAM, fresh_database, teach_facts

EVERYBODY = Viewer.model(WORKSPACE)
KNOWN = [f"Who can tell me how to find room {number}'s key?" for number in range(1, 21)]


@pytest.fixture
def session(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 20)
        yield session
    database.close()


def sure(session, question: str) -> Confidence | None:
    return confidence(session, question, retrieve(session, TEAM, WORKSPACE, EVERYBODY, question, 1))


def test_its_own_words_fit_best_and_foreign_ones_least(session):
    own = sure(session, "Where is the key of room 7?")
    near = sure(session, "Where is the wardrobe of room 7?")
    foreign = sure(session, "Where is the wardrobe of building nine?")

    assert own.value == pytest.approx(1.0)
    assert own.value > near.value > foreign.value >= 0
    assert confidence(session, "Which harbour master?", []).value == 0.0


def test_what_asks_nothing_is_not_judged(session):
    assert sure(session, "Thanks!") is None
    assert not is_unsure(session, TEAM, WORKSPACE, None)


def test_meaning_counts_where_it_is_known(session):
    [found] = retrieve(session, TEAM, WORKSPACE, EVERYBODY, KNOWN[0], 1)
    near = replace(found, likeness=0.9)
    far = replace(found, likeness=0.1)

    asked = [confidence(session, KNOWN[0], [one]) for one in (near, far)]

    assert [one.is_by_meaning for one in asked] == [True, True]
    assert asked[0].value - asked[1].value == pytest.approx(0.8)


@pytest.mark.parametrize("count", [10, 15, 30, 200])
def test_no_more_than_a_tenth_of_what_is_known_is_refused(count):
    values = [((7 * n) % count) / count for n in range(count)]

    below = threshold_of(values)

    refused = sum(value < below for value in values)
    assert refused <= 0.1 * count
    assert refused >= 0.1 * count - 1


def test_a_handful_of_questions_chooses_nothing():
    assert threshold_of([0.5] * 9) is None


def test_what_is_no_number_chooses_nothing():
    known = [0.5 + number / 100 for number in range(20)]

    assert threshold_of([math.nan, *known, math.nan]) == threshold_of(known)
    assert threshold_of([math.nan] * 20) is None


def test_calibrated_on_known_questions_it_answers_those_and_refuses_others(session):
    assert not is_unsure(session, TEAM, WORKSPACE, sure(session, "What does a boat cost?"))

    calibrate(session, TEAM, WORKSPACE, KNOWN)

    refused = [is_unsure(session, TEAM, WORKSPACE, sure(session, one)) for one in KNOWN]
    assert sum(refused) <= 2
    assert is_unsure(session, TEAM, WORKSPACE, sure(session, "What does a boat cost?"))


def test_a_private_channel_has_the_workspaces_line_until_it_has_its_own(session):
    thresholds.write(session, TEAM, WORKSPACE, 0.4, by_meaning=True)
    assert thresholds.read(session, TEAM, "C0OPS", by_meaning=True) == 0.4
    assert thresholds.read(session, TEAM, "C0OPS", by_meaning=False) is None

    thresholds.write(session, TEAM, "C0OPS", 0.6, by_meaning=True)
    thresholds.write(session, TEAM, "C0OPS", 0.7, by_meaning=True)

    assert thresholds.read(session, TEAM, "C0OPS", by_meaning=True) == 0.7
    assert thresholds.read(session, TEAM, WORKSPACE, by_meaning=True) == 0.4
    assert thresholds.read(session, "T0OTHER", "C0OPS", by_meaning=True) is None


def test_examples_are_judged_by_the_best_alone(session):
    found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, KNOWN[0], 3)
    assert all(isinstance(one, RetrievedExample) for one in found)

    assert confidence(session, KNOWN[0], found) == confidence(session, KNOWN[0], found[:1])
