"""Questions that ask the same are found, kept as pairs, and shown to those who may see both."""

import numpy as np
import pytest
from sqlmodel import Session, select

from bot.curation import near_duplicates as how
from bot.curation.capture import Ballot, collect_example
from bot.curation.lesson import Coordinates, Lesson
from bot.curation.near_duplicates import near_duplicates, note_near_duplicates
from bot.embedding.index import Nearness
from bot.errors import NotFoundError
from storage.audience import WORKSPACE, Viewer
from storage.near_duplicates import open_pairs, resolve
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicate,
    NearDuplicateKind,
    NearDuplicateState,
    Source,
)
from tests.teaching import TEAM, teach

EVERYONE = Viewer.person(())
OPS = Viewer.person({"C0OPS"})
DOOR = "How do I open the door of the cellar?"
DOOR_TOO = "the cellar door, how to open?"
PRINTER = "Which printer prints in colour?"


@pytest.fixture
def session(database):
    with database.write() as session:
        yield session


def noted(session: Session, question: str, answer: str, **options) -> Example:
    example = teach(session, question, answer, **options)
    note_near_duplicates(session, example)
    return example


def pairs(session: Session, viewer: Viewer = EVERYONE) -> list[tuple[int, int, str]]:
    return [(one.id, two.id, pair.kind) for pair, one, two in open_pairs(session, TEAM, viewer)]


def similar_ids(session: Session, question: str, viewer: Viewer = EVERYONE, **options):
    found = near_duplicates(session, TEAM, viewer, question, **options)
    return [similar.example_id for similar in found]


def test_other_forms_and_order_of_the_same_words_are_found_and_said(session):
    door = teach(session, DOOR, "With the brass key.")
    teach(session, PRINTER, "The one upstairs.")

    found = near_duplicates(session, TEAM, EVERYONE, DOOR_TOO)

    assert [(similar.example_id, similar.similarity) for similar in found] == [(door.id, 1.0)]
    assert "door" in found[0].why


def test_the_same_answer_tells_what_differently_worded_questions_do_not(session):
    door = teach(session, DOOR, "With the brass key that hangs behind the boiler.")
    teach(session, PRINTER, "The one upstairs, beside the kitchen, prints in colour.")
    asked = "What gets somebody into our cellar?"

    assert similar_ids(session, asked) == []
    assert similar_ids(session, asked, answer="Take the brass key behind the boiler.") == [door.id]
    assert similar_ids(session, asked, answer="Ask the guard for a ladder.") == []


def test_a_new_example_is_paired_with_one_that_has_the_same_answer(session):
    door = noted(session, DOOR, "With the brass key that hangs behind the boiler.")
    noted(session, PRINTER, "The one upstairs, beside the kitchen, prints in colour.")

    again = noted(
        session, "What gets somebody into our cellar?", "The brass key behind the boiler."
    )

    assert pairs(session) == [(door.id, again.id, NearDuplicateKind.NEAR_DUPLICATE)]


def test_a_different_question_is_no_duplicate(session):
    teach(session, DOOR, "With the brass key.")

    assert similar_ids(session, "How do I paint the door of the garage?") == []


def test_what_waits_for_a_curator_counts_what_was_rejected_does_not(session):
    for state in ExampleState:
        teach(session, DOOR, f"{state}", state=state)
    kept = session.exec(
        select(Example.id).where(Example.state.in_(("proposed", "approved", "disputed")))
    ).all()

    assert sorted(similar_ids(session, DOOR_TOO)) == sorted(kept)


def test_only_what_the_viewer_may_see_is_found(session):
    teach(session, DOOR, "With the brass key.", audience="C0OPS")
    teach(session, DOOR, "With the brass key.", team_id="T0OTHER")

    assert similar_ids(session, DOOR_TOO) == []
    assert similar_ids(session, DOOR_TOO, Viewer.nobody()) == []
    assert len(similar_ids(session, DOOR_TOO, OPS)) == 1


def test_excluded_examples_are_not_found(session):
    door = teach(session, DOOR, "With the brass key.")

    assert similar_ids(session, DOOR, exclude=[door.id]) == []


@pytest.mark.parametrize("question", ["", "?!", "🙂", '"', "NEAR(a b)", "x" * 5000, "a\x00b"])
def test_any_text_may_be_asked_about(session, question):
    teach(session, question, "A")

    near_duplicates(session, TEAM, EVERYONE, question)


def test_a_stored_example_makes_a_pair_with_its_near_duplicate(session):
    first = noted(session, DOOR, "Turn the brass key twice.")
    second = noted(session, DOOR_TOO, "Turn the brass key.")
    noted(session, PRINTER, "The one upstairs.")

    assert pairs(session) == [(first.id, second.id, NearDuplicateKind.NEAR_DUPLICATE)]


def test_the_same_question_with_another_answer_is_a_contradiction(session):
    first = noted(session, DOOR, "Turn the brass key twice.")
    second = noted(session, DOOR_TOO, "Nobody may enter since March.")

    assert pairs(session) == [(first.id, second.id, NearDuplicateKind.CONTRADICTION)]


def test_a_pair_is_shown_to_those_who_may_see_both(session):
    noted(session, DOOR, "Turn the brass key.", audience="C0OPS")
    noted(session, DOOR_TOO, "Turn the brass key.")

    assert pairs(session) == []
    assert len(pairs(session, OPS)) == 1
    with pytest.raises(NotFoundError):
        resolve(session, TEAM, EVERYONE, 1, NearDuplicateState.MERGED, "U0BOB")


def test_two_private_channels_are_never_compared(session):
    noted(session, DOOR, "Turn the brass key.", audience="C0OPS")
    noted(session, DOOR_TOO, "Turn the brass key.", audience="C0HR")

    assert session.exec(select(NearDuplicate)).all() == []


def test_what_was_decided_is_not_asked_again(session):
    noted(session, DOOR, "Turn the brass key.")
    second = noted(session, DOOR_TOO, "Turn the brass key.")
    [(pair, _, _)] = open_pairs(session, TEAM, EVERYONE)

    resolve(session, TEAM, EVERYONE, pair.id, NearDuplicateState.KEPT_APART, "U0BOB")
    note_near_duplicates(session, second)

    assert pairs(session) == []
    assert (pair.resolved_by, pair.state) == ("U0BOB", NearDuplicateState.KEPT_APART)
    resolve(session, TEAM, EVERYONE, pair.id, NearDuplicateState.OPEN, "U0BOB")
    assert (pair.resolved_by, pair.resolved_at, len(pairs(session))) == (None, None, 1)


def test_a_pair_goes_with_either_example(session):
    first = noted(session, DOOR, "Turn the brass key.")
    noted(session, DOOR_TOO, "Turn the brass key.")

    session.delete(first)
    session.flush()

    assert session.exec(select(NearDuplicate)).all() == []


def lesson(question: str, answer: str, ts: str) -> Lesson:
    at = Coordinates("C0HELP", ts, ts, ts, "U0CAROL", "U0DAN")
    return Lesson(question, answer, Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=at)


def test_capture_notes_pairs_and_forgets_them_when_the_text_changes(session):
    def collect(question: str, ts: str, at: str) -> Example:
        ballot = Ballot(f"bob:{ts}", "U0BOB", 1, True, at)
        outcome = collect_example(session, TEAM, WORKSPACE, lesson(question, "Key.", ts), ballot)
        return outcome.example

    first, second = collect(DOOR, "1.0", "5"), collect(DOOR_TOO, "2.0", "6")
    assert pairs(session) == [(first.id, second.id, NearDuplicateKind.NEAR_DUPLICATE)]

    collect(PRINTER, "2.0", "7")

    assert pairs(session) == []


def test_an_example_that_is_proposed_again_makes_its_pairs_again(session):
    noted(session, DOOR, "Key.")
    for value, at in ((-1, "5"), (1, "6")):
        ballot = Ballot("bob", "U0BOB", value, True, at)
        collect_example(session, TEAM, WORKSPACE, lesson(DOOR_TOO, "Key.", "2.0"), ballot)
        assert len(pairs(session)) == (value == 1)


def test_those_of_another_channel_do_not_hide_a_near_duplicate(database, monkeypatch):
    """Many examples that mean nearly the same, and that the viewer may not see."""
    for name, value in (("COMPARED_AT_MOST", 3), ("_IDS_AT_ONCE", 4)):
        monkeypatch.setattr(how, name, value)
    with database.write() as session:
        here = teach(session, "Where is the sauna?", "Behind the blue door.").id
        cosines = {here: 0.8}
        for number in range(3):
            cosines[teach(session, f"Fact {number}?", "Yes.").id] = 0.3
        for number in range(20):
            cosines[teach(session, f"Bath {number}?", "No.", audience="C0HR").id] = 0.9
    ids = np.array(list(cosines))
    values = np.array(list(cosines.values()), np.float32)
    nearness = Nearness(ids, values, {each: place for place, each in enumerate(cosines)})

    with database.read() as session:
        found = near_duplicates(
            session, TEAM, Viewer.person(["C0OPS"]), "Whither for heat?", nearness=nearness
        )

    assert [each.example_id for each in found] == [here]
