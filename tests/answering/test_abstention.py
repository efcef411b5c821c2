"""When the bot is unsure: a number for how well the best example fits, and where the line is."""

import math
from dataclasses import replace

import pytest

from bot.answering.abstention import (
    Confidence,
    asks_nothing,
    confidence,
    lines_from,
    standing_of,
)
from bot.answering.retrieval import RetrievedExample, retrieve
from storage import thresholds
from storage.audience import WORKSPACE, Viewer
from storage.tables import Standing
from storage.thresholds import Lines
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


def test_of_one_word_only_that_nothing_has_it_can_be_told(session):
    found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, "room", 1)

    assert confidence(session, "room", found) is None
    assert sure(session, "Parking?").value == 0.0


def test_a_word_without_a_question_mark_asks_nothing():
    asked = ("Thanks!", "", "Parking?", "駐車場？", "room seven", "the room")

    assert [asks_nothing(each) for each in asked] == [True, True, False, False, False, True]


def test_meaning_counts_where_it_is_known(session):
    [found] = retrieve(session, TEAM, WORKSPACE, EVERYBODY, KNOWN[0], 1)
    near = replace(found, likeness=0.9)
    far = replace(found, likeness=0.1)

    asked = [confidence(session, KNOWN[0], [one]) for one in (near, far)]

    assert [one.is_by_meaning for one in asked] == [True, True]
    assert asked[0].value - asked[1].value == pytest.approx(0.8)


@pytest.mark.parametrize("count", [10, 15, 30, 200])
def test_a_tenth_of_what_is_known_is_refused_and_a_tenth_of_what_is_not_is_answered(count):
    values = [((7 * n) % count) / count for n in range(count)]
    lower = [value / 2 for value in values]

    lines = lines_from(values, lower, by_meaning=True)

    refused = sum(value < lines.unsure_below for value in values)
    assert 0.1 * count - 1 <= refused <= 0.1 * count
    doubted = sum(value < lines.sure_from for value in lower)
    assert 0.9 * count <= doubted <= 0.9 * count + 1


def test_a_handful_of_questions_draws_no_line():
    assert lines_from([0.5] * 9, [0.5] * 9, by_meaning=True) == Lines()


def test_what_is_no_number_draws_no_line():
    known = [0.5 + number / 100 for number in range(20)]
    drawn = lines_from(known, known, by_meaning=True)

    odd = [math.nan, *known, math.nan]
    assert lines_from(odd, odd, by_meaning=True) == drawn
    assert lines_from([math.nan] * 20, [math.nan] * 20, by_meaning=True) == Lines()


def test_words_alone_have_to_prove_that_they_tell_what_was_taught():
    taught = [0.5 + number / 100 for number in range(20)]
    low = [value - 0.4 for value in taught]

    assert lines_from([], low, by_meaning=True).sure_from is not None
    assert lines_from([], low, by_meaning=False).sure_from is None
    assert lines_from(taught, low, by_meaning=False).sure_from > 0


def test_a_line_that_doubts_nearly_everything_is_none():
    taught = [0.5 + number / 100 for number in range(20)]

    assert lines_from(taught, [1.0] * 20, by_meaning=True) == Lines(taught[2], 0.0)


def test_a_share_of_none_doubts_nothing():
    values = [number / 100 for number in range(20)]

    assert lines_from(values, values, by_meaning=True, is_doubted=0).sure_from == 0.0


def test_the_two_lines_and_what_is_said_between_them(session):
    found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, KNOWN[0], 3)
    value = confidence(session, KNOWN[0], found).value

    def standing(lines: Lines, examples: list[RetrievedExample]) -> Standing:
        thresholds.write(session, TEAM, WORKSPACE, lines, by_meaning=False)
        return standing_of(session, TEAM, WORKSPACE, KNOWN[0], examples)

    assert standing_of(session, TEAM, WORKSPACE, KNOWN[0], found) is Standing.SURE
    assert standing(Lines(value, value), found) is Standing.SURE
    assert standing(Lines(value, value + 0.1), found) is Standing.DOUBTFUL
    assert standing(Lines(value + 0.1), found) is Standing.UNKNOWN
    assert standing(Lines(0.0, value), []) is Standing.UNKNOWN  # there is nothing to quote
    assert standing_of(session, TEAM, WORKSPACE, "Thanks!", found) is Standing.SURE


def test_a_private_channel_has_the_workspaces_line_until_it_has_its_own(session):
    def read(audience: str, *, by_meaning: bool = True, team_id: str = TEAM) -> Lines:
        return thresholds.read(session, team_id, audience, by_meaning=by_meaning)

    thresholds.write(session, TEAM, WORKSPACE, Lines(0.4, 0.8), by_meaning=True)
    assert read("C0OPS") == Lines(0.4, 0.8)
    assert read("C0OPS", by_meaning=False) == Lines()

    thresholds.write(session, TEAM, "C0OPS", Lines(0.6), by_meaning=True)
    thresholds.write(session, TEAM, "C0OPS", Lines(0.7), by_meaning=True)

    assert read("C0OPS") == Lines(0.7, 0.8)
    assert read(WORKSPACE) == Lines(0.4, 0.8)
    assert read("C0OPS", team_id="T0OTHER") == Lines()


def test_examples_are_judged_by_the_best_alone(session):
    found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, KNOWN[0], 3)
    assert all(isinstance(one, RetrievedExample) for one in found)

    assert confidence(session, KNOWN[0], found) == confidence(session, KNOWN[0], found[:1])
