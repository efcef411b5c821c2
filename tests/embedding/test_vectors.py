"""Vectors follow their examples: made, made anew, and gone with the words they were made from."""

import numpy as np
import pytest
from sqlmodel import select

from bot.curation.forgetting import Grace, forget_person, opt_out
from bot.curation.near_duplicates import note_near_duplicates
from bot.embedding.filling import Filling
from bot.embedding.index import packed
from bot.embedding.meaning import Meaning
from bot.seed import curated_facts
from storage import sweeping, vectors
from storage.audience import Viewer
from storage.columns import utc_now
from storage.near_duplicates import open_pairs
from storage.tables import Example, ExampleState, ExampleVector
from tests.running_sentence_model import fill
from tests.teaching import TEAM, teach

DOOR = "How do I open the door of the cellar?"
PASSWORD = "I forgot my password, what now?"


@pytest.fixture
def meaning(model):
    return Meaning.by(model).patient()


def stored(database):
    with database.read() as session:
        return {row.example_id: row.vector for row in session.exec(select(ExampleVector))}


def nearest(database, meaning, question, team_id=TEAM):
    with database.read() as session:
        return meaning.nearness(session, team_id, question).nearest(3)


def test_what_waits_or_is_approved_gets_a_vector_and_nothing_else(database, meaning):
    with database.write() as session:
        ids = {state: teach(session, DOOR, "Brass key.", state=state).id for state in ExampleState}

    fill(database, meaning)

    wanted = (ExampleState.PROPOSED, ExampleState.APPROVED, ExampleState.DISPUTED)
    assert set(stored(database)) == {ids[state] for state in wanted}


def test_an_edit_makes_a_new_vector(database, meaning):
    with database.write() as session:
        example = teach(session, DOOR, "With the brass key.")
    fill(database, meaning)
    before = stored(database)[example.id]
    with database.write() as session:
        row = session.get_one(Example, example.id)
        row.question = PASSWORD
        session.add(row)

    assert stored(database) == {}
    fill(database, meaning)

    assert stored(database)[example.id] != before
    with database.read() as session:
        [cosine] = meaning.nearness(session, TEAM, PASSWORD).cosines
    assert cosine > 0.7


def test_what_was_edited_while_its_vector_was_made_keeps_none_of_the_old(
    database, meaning, monkeypatch
):
    with database.write() as session:
        example = teach(session, DOOR, "With the brass key.")
    make = Meaning.vectors_of

    def edited_meanwhile(self, texts):
        with database.write() as session:
            row = session.get_one(Example, example.id)
            row.answer = "Nobody may enter."
            session.add(row)
        return make(self, texts)

    monkeypatch.setattr(Meaning, "vectors_of", edited_meanwhile)
    Filling(database, meaning, note_near_duplicates).step()

    assert stored(database) == {}


@pytest.mark.parametrize("state", [ExampleState.REJECTED, ExampleState.WITHDRAWN])
def test_what_is_rejected_or_withdrawn_loses_its_vector_in_memory_too(database, meaning, state):
    with database.write() as session:
        gone = teach(session, DOOR, "With the brass key.")
        kept = teach(session, PASSWORD, "Ask Bob.")
    fill(database, meaning)
    assert nearest(database, meaning, DOOR) == [gone.id, kept.id]
    with database.write() as session:
        row = session.get_one(Example, gone.id)
        row.state = state
        session.add(row)

    assert set(stored(database)) == {kept.id}
    assert nearest(database, meaning, DOOR) == [kept.id]


def test_a_person_who_opts_out_takes_their_vectors_along(database, meaning, tmp_path):
    with database.write() as session:
        example = teach(session, DOOR, "With the brass key.")
        example.author_id = "U0BOB"
        session.add(example)
    fill(database, meaning)
    vector = stored(database)[example.id]
    with database.write() as session:
        forget_person(session, opt_out(session, TEAM, "U0BOB"), Grace(utc_now()))
    database.scrub()
    fill(database, meaning)

    assert stored(database) == {}
    assert nearest(database, meaning, DOOR) == []
    for path in tmp_path.iterdir():
        assert vector not in path.read_bytes()


def test_a_name_that_is_replaced_in_words_is_replaced_in_the_vector(database, meaning):
    with database.write() as session:
        example = teach(session, "What does <@U0BOB> do?", "Everything.")
    fill(database, meaning)
    before = stored(database)[example.id]
    with database.write() as session:
        sweeping.replace_person(session, TEAM, "U0BOB", "erased-1")
    fill(database, meaning)

    assert stored(database)[example.id] != before


def test_a_workspace_that_leaves_takes_its_vectors_along(database, meaning):
    with database.write() as session:
        teach(session, DOOR, "With the brass key.")
        other = teach(session, DOOR, "With the brass key.", team_id="T0OTHER")
    fill(database, meaning)
    with database.write() as session:
        sweeping.purge_workspace(session, TEAM)

    assert set(stored(database)) == {other.id}
    assert nearest(database, meaning, DOOR) == []
    assert nearest(database, meaning, DOOR, "T0OTHER") == [other.id]


def test_the_index_follows_any_order_of_changes(database, meaning):
    """Rows come and go; what a search sees is always what the table holds."""
    chance = np.random.default_rng(1)
    [question] = meaning.model.encode([DOOR], 20)
    with database.write() as session:
        examples = [teach(session, f"{DOOR} {n}", "So.") for n in range(6)]
    for _ in range(60):
        with database.write() as session:
            example = examples[chance.integers(6)]
            if chance.random() < 0.6:
                made = chance.standard_normal(384).astype(np.float32)
                vectors.put(session, example, meaning.model.name, packed(made))
            else:
                vectors.drop(session, example.id)
        with database.read() as session:
            near = meaning.index.nearness(session, TEAM, question)
        wanted = {
            example_id: float(np.frombuffer(vector, "<f2").astype(np.float32) @ question)
            for example_id, vector in stored(database).items()
        }
        assert set(near.example_ids) == set(wanted)
        assert all(near.of(each) == pytest.approx(wanted[each], abs=1e-3) for each in wanted)


def test_vectors_of_another_model_are_made_anew(database, meaning):
    with database.write() as session:
        example = teach(session, DOOR, "With the brass key.")
        vectors.put(session, example, "another", bytes(768))
    fill(database, meaning)

    [row] = stored(database).values()
    assert row != bytes(768)


def test_paraphrases_that_wait_are_shown_as_a_pair(database, meaning):
    with database.write() as session:
        first = teach(session, "How do I get back in after forgetting my password?", "Ask Bob.")
        teach(session, "When does the ferry to Kiel leave?", "At nine.")
        teach(session, "Who waters the plants?", "Carol.")
        second = teach(session, PASSWORD, "The desk can reset it.", state=ExampleState.PROPOSED)
        note_near_duplicates(session, second)
        assert open_pairs(session, TEAM, Viewer.person(())) == []

    fill(database, meaning)

    with database.read() as session:
        [(_, one, two)] = open_pairs(session, TEAM, Viewer.person(()))
    assert (one.id, two.id) == (first.id, second.id)


def test_facts_that_differ_are_hardly_ever_shown_as_a_pair(database, meaning):
    with database.write() as session:
        for fact in curated_facts():
            teach(session, fact.wordings[0], fact.answer)

    fill(database, meaning)

    with database.read() as session:
        pairs = open_pairs(session, TEAM, Viewer.person(()))
    assert len(pairs) <= 2, [(one.question, other.question) for _, one, other in pairs]


def test_a_pair_by_meaning_survives_that_words_are_compared_again(database, meaning):
    test_paraphrases_that_wait_are_shown_as_a_pair(database, meaning)
    with database.write() as session:
        proposed = session.exec(select(Example).where(Example.state == "proposed")).one()
        note_near_duplicates(session, proposed)
        assert open_pairs(session, TEAM, Viewer.person(())) == []

    fill(database, meaning)

    with database.read() as session:
        assert len(open_pairs(session, TEAM, Viewer.person(()))) == 1


def test_without_a_child_nothing_is_made_and_nothing_breaks(database, meaning, monkeypatch):
    with database.write() as session:
        teach(session, DOOR, "With the brass key.")
    never_started = type(meaning.model)(meaning.model._folder)
    filling = Filling(database, Meaning(never_started, meaning.index, 0.05), note_near_duplicates)

    assert filling.step() is False
    assert stored(database) == {}
