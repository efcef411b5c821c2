"""Retrieval by words and meaning: other words are found, and nothing for the wrong eyes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.answering import retrieval
from bot.answering.retrieval import retrieve
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel
from storage.audience import WORKSPACE, Viewer
from storage.tables import ExampleState
from tests.running_sentence_model import fill
from tests.teaching import TEAM, fresh_database, teach

EVERYBODY = Viewer.channel("C0HELP", is_private=False)
OPS = Viewer.channel("C0OPS", is_private=True)
LOCKED_OUT = "I cannot log in any more"


@pytest.fixture
def meaning(model):
    return Meaning.by(model).patient()


@pytest.fixture
def database(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach(session, "What if I forgot my password?", "Bob resets it.")
        teach(session, "Where is the coffee machine?", "Third floor, next to the stairs.")
        teach(session, "Who has the root password?", "Alice has it.", audience="C0OPS")
        teach(session, "Whom to call when the ferry is late?", "The harbour office.")
    yield database
    database.close()


def found(database, meaning, question, *, audience=WORKSPACE, viewer=EVERYBODY, k=3, **options):
    with database.read() as session:
        return retrieve(session, TEAM, audience, viewer, question, k, meaning=meaning, **options)


def test_other_words_are_found(database, meaning):
    fill(database, meaning)

    first = found(database, meaning, LOCKED_OUT)[0]

    assert found(database, None, "credentials lost, no access") == []
    assert first.answer == "Bob resets it."
    assert first.likeness > 0.3


def test_an_example_without_a_vector_is_still_found_by_its_words(database, meaning):
    fill(database, meaning)
    with database.write() as session:
        teach(session, "How do I book a berth in Kiel?", "Call the harbour office.")

    best = found(database, meaning, "book a berth in Kiel")[0]

    assert (best.question, best.likeness) == ("How do I book a berth in Kiel?", None)


def test_nothing_like_the_question_is_nothing(database, meaning):
    fill(database, meaning)

    assert (
        found(database, meaning, "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich") == []
    )


def test_without_an_answer_in_time_words_decide(database, meaning):
    fill(database, meaning)
    never_started = SentenceModel(meaning.model._folder)
    absent = Meaning(never_started, meaning.index, patience_seconds=0.05)

    question = "coffee machine or password?"

    assert found(database, absent, question) == found(database, None, question) != []


def test_excluded_examples_are_not_found(database, meaning):
    fill(database, meaning)
    ids = [example.id for example in found(database, meaning, LOCKED_OUT)]

    again = found(database, meaning, LOCKED_OUT, exclude_ids=ids)

    assert not {example.id for example in again} & set(ids)


def test_those_who_see_little_are_still_served(database, meaning, monkeypatch):
    """Many nearer examples that the viewer may not see do not crowd out the ones they may."""
    monkeypatch.setattr(retrieval, "RANKED", 3)
    with database.write() as session:
        for number in range(40):
            teach(session, f"I cannot log in to machine {number}", "So.", audience="C0OPS")
    fill(database, meaning)

    assert found(database, meaning, LOCKED_OUT, k=1)[0].answer == "Bob resets it."


AUDIENCES = ("workspace", "C0OPS", "C0BOARD")
TEXTS = (LOCKED_OUT, "What if I forgot my password?", "Reset my password", "Lost my key", "Tea?")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kept=st.lists(
        st.tuples(
            st.sampled_from(TEXTS),
            st.sampled_from(AUDIENCES),
            st.sampled_from([*[ExampleState.APPROVED] * 4, *ExampleState]),
            st.sampled_from([TEAM, TEAM, TEAM, "T0OTHER"]),
        ),
        min_size=4,
        max_size=10,
    ),
    moved=st.lists(st.sampled_from(AUDIENCES), max_size=4),
    asked=st.sampled_from(TEXTS),
    audience=st.sampled_from(AUDIENCES),
    sees=st.sets(st.sampled_from(AUDIENCES), min_size=1),
)
def test_nobody_is_shown_what_they_may_not_see(
    tmp_path_factory, model, kept, moved, asked, audience, sees
):
    database = fresh_database(tmp_path_factory.mktemp("team"))
    meaning = Meaning.by(model).patient()
    viewer = Viewer(frozenset(sees))
    with database.write() as session:
        examples = [
            teach(session, text, "So.", audience=place, state=state, team_id=team)
            for text, place, state, team in kept
        ]
    fill(database, meaning)
    with database.write() as session:  # audiences change, vectors stay
        for example, place in zip(examples, moved, strict=False):
            example.audience = place
            session.add(example)
    allowed = {
        example.id
        for example in examples
        if example.team_id == TEAM
        and example.state == ExampleState.APPROVED
        and example.audience in {WORKSPACE, audience} & viewer.audiences
    }

    with database.read() as session:
        seen = retrieve(session, TEAM, audience, viewer, asked, 10, meaning=meaning)
    database.close()

    assert {example.id for example in seen} <= allowed
