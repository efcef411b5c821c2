"""Finding the examples that fit: the right ones, for the right people, whatever was typed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.answering import retrieval
from bot.answering.ranking import Corpus, bm25
from bot.answering.retrieval import full_text_query, question_words, retrieve
from storage.audience import WORKSPACE, Viewer
from storage.full_text import rarest_words, rows_with, size
from storage.tables import ExampleState
from tests.made_up_words import Words
from tests.teaching import TEAM, fresh_database, teach

EVERYBODY = Viewer.channel("C0HELP", is_private=False)
OPS = Viewer.channel("C0OPS", is_private=True)


@pytest.fixture
def database(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach(session, "How do I get into the staging database?", "Ask Bob.")
        teach(session, "Where is the coffee machine?", "Third floor, next to the stairs.")
        teach(session, "Who holds the root password?", "Alice does.", audience="C0OPS")
    yield database
    database.close()


def found(database, question, *, audience=WORKSPACE, viewer=EVERYBODY, k=3, **options):
    with database.read() as session:
        examples = retrieve(session, TEAM, audience, viewer, question, k, **options)
    return [example.answer for example in examples]


def test_the_best_match_comes_first(database):
    assert found(database, "database access for staging?") == ["Ask Bob."]


def test_words_are_found_in_other_forms(database):
    assert found(database, "machines for coffees") == ["Third floor, next to the stairs."]


def test_a_private_channel_draws_on_itself_and_the_workspace(database):
    answers = found(database, "root password or staging", audience="C0OPS", viewer=OPS)

    assert sorted(answers) == ["Alice does.", "Ask Bob."]


@pytest.mark.parametrize(
    ("audience", "viewer"),
    [(WORKSPACE, OPS), ("C0OPS", EVERYBODY), ("C0OPS", Viewer.nobody())],
)
def test_private_examples_need_audience_and_viewer(database, audience, viewer):
    assert "Alice does." not in found(database, "root password", audience=audience, viewer=viewer)


def test_nobody_gets_nothing(database):
    assert found(database, "staging", viewer=Viewer.nobody()) == []


def test_examples_of_another_workspace_stay_there(database):
    with database.read() as session:
        assert retrieve(session, "T0OTHER", WORKSPACE, EVERYBODY, "staging", 3) == []


def test_what_is_not_approved_any_more_is_not_found(database):
    with database.write() as session:
        example = teach(session, "Where is the wiki?", "There.")
        example.state = ExampleState.WITHDRAWN

    assert found(database, "wiki") == []


def test_excluded_examples_are_left_out(database):
    with database.read() as session:
        first = retrieve(session, TEAM, WORKSPACE, EVERYBODY, "staging", 1)[0]

    assert found(database, "staging", exclude_ids=[first.id]) == []


@pytest.mark.parametrize("k", [0, 1, 2])
def test_at_most_k_are_found(database, k):
    assert len(found(database, "staging coffee", k=k)) == k


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=60))
def test_no_question_breaks_the_query(database, question):
    found(database, question)


@pytest.mark.parametrize("question", ["", "?!", "<>", '"', "   "])
def test_a_question_without_words_finds_nothing(database, question):
    assert question_words(question) == []
    assert found(database, question) == []


def test_query_language_of_the_index_is_only_words():
    assert full_text_query(question_words('NEAR("vpn" certificate*) -x')) == (
        '"near" OR "vpn" OR "certificate" OR "x"'
    )


def test_a_question_of_fillers_alone_is_searched_all_the_same():
    assert question_words("who is it") == ["who", "is", "it"]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Examples whose words are as unevenly frequent as a language's."""
    database = fresh_database(tmp_path_factory.mktemp("large"))
    words = Words(seed=5, vocabulary=800)
    with database.write() as session:
        for _ in range(600):
            teach(session, words.sentence(4, 9), words.sentence(8, 20))
        teach(session, words.sentence(4, 9), "In the safe.", audience="C0OPS")
    yield database
    database.close()


def exhaustive(database, question, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(retrieval, "FEW_ROWS", 10**9)
        with database.read() as session:
            return retrieve(session, TEAM, WORKSPACE, EVERYBODY, question, 3)


@pytest.mark.parametrize("most_rows", [150, 10**9])
def test_what_the_index_says_of_words_finds_what_scoring_every_row_would(
    large, monkeypatch, most_rows
):
    words = Words(seed=9, vocabulary=800)
    questions = [words.sentence(4, 9) for _ in range(60)]
    best = [[e.id for e in exhaustive(large, each, monkeypatch)] for each in questions]
    monkeypatch.setattr(retrieval, "FEW_ROWS", 0)
    monkeypatch.setattr(retrieval, "MOST_ROWS", most_rows)
    monkeypatch.setattr(retrieval, "COMPARED", 40)

    with large.read() as session:
        seen = [
            [e.id for e in retrieve(session, TEAM, WORKSPACE, EVERYBODY, each, 3)]
            for each in questions
        ]

    wanted = sum(map(len, best))
    hits = sum(len(set(one) & set(other)) for one, other in zip(best, seen, strict=True))
    assert wanted > 100
    assert hits / wanted >= (0.99 if most_rows > 150 else 0.9)


def test_examples_that_others_may_see_do_not_crowd_out_ones_own(database, monkeypatch):
    with database.write() as session:
        for number in range(30):
            teach(session, "staging database", f"Secret {number}.", audience="C0OPS")
    # Several pages of what others may see come first.
    for name, value in (("FEW_ROWS", 0), ("COMPARED", 2), ("_IDS_AT_ONCE", 4)):
        monkeypatch.setattr(retrieval, name, value)

    assert found(database, "the staging database") == ["Ask Bob."]


def test_our_bm25_is_sqlites(large, monkeypatch):
    with large.read() as session:
        for question in (Words(seed=3, vocabulary=800).sentence(3, 6) for _ in range(5)):
            corpus = Corpus(*size(session), rows_with(session, question_words(question)))
            for example in exhaustive(large, question, monkeypatch):
                ours = bm25(corpus, example.question, example.answer,
                            question_weight=3.0, answer_weight=1.0)  # fmt: skip
                assert ours == pytest.approx(example.score)


def test_a_private_example_is_found_by_words_that_many_have(large, monkeypatch):
    monkeypatch.setattr(retrieval, "FEW_ROWS", 0)
    monkeypatch.setattr(retrieval, "MOST_ROWS", 1)

    answers = found(large, "safe", audience="C0OPS", viewer=OPS)

    assert answers[0] == "In the safe."


def test_one_word_is_searched_for_however_many_have_it():
    assert rarest_words({"common": 10**6}, 5) == ["common"]
    assert rarest_words({"common": 10**6, "rare": 2, "rarer": 1}, 5) == ["rarer", "rare"]
