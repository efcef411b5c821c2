"""Semantic similarity: measured with the real sentence model, and missing with a reason."""

from dataclasses import replace

import pytest
from sqlmodel import select

from bot.answering.verdicts import similarity_words
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel, packaged_folder
from bot.evaluation.likeness import AWAY, OFF, likeness_among
from bot.pipeline.reporting import write_report
from handlers.run_blocks import score_table
from storage.audience import WORKSPACE, Viewer
from storage.tables import Evaluation
from tests.pipeline_parts import ask_for_run, make_workshop, work_until_done
from tests.running_sentence_model import running_sentence_model
from tests.teaching import fresh_database, teach_facts

CURATED = "The key hangs on the hook behind the door."


@pytest.fixture
def database(tmp_path):
    return fresh_database(tmp_path)


@pytest.fixture(scope="module")
def meaning():
    with running_sentence_model() as model:
        yield Meaning.by(model).patient()


def heads(evaluation: Evaluation) -> list[str]:
    return [cell["text"] for cell in score_table(evaluation)["rows"][0]]


def test_the_same_in_other_words_is_more_alike_than_something_else(meaning):
    same, other = "You find the key on a hook at the back of the door.", "Lunch is at noon."
    found = likeness_among(meaning, (same, other, CURATED, "", "?"))

    assert found.of(CURATED, CURATED) == pytest.approx(1, abs=1e-5)
    assert found.of(same, CURATED) > 0.7 > 0.3 > found.of(other, CURATED) >= 0
    assert found.of("", CURATED) == 0
    assert found.of(same, "never read") is None


def test_every_strategy_has_its_similarity_with_bounds(database, tmp_path, meaning):
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session)
    work_until_done(replace(make_workshop(database, tmp_path), meaning=meaning))

    with database.read() as session:
        evaluation = session.exec(select(Evaluation)).one()
        write_report(session, evaluation.team_id, 1, Viewer.model(WORKSPACE), tmp_path / "r.html")
    base, best = evaluation.strategies[0], evaluation.strategies[3]
    assert best["similarity"] > base["similarity"]
    assert best["similarity_low"] < best["similarity"] < best["similarity_high"]
    assert "Similarity" in heads(evaluation)
    assert "whatever the words" in similarity_words(evaluation)
    assert "Similarity</th>" in (tmp_path / "r.html").read_text("utf-8")


def test_without_a_sentence_model_the_column_is_missing_and_the_card_says_why(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session)
    work_until_done(make_workshop(database, tmp_path))

    with database.read() as session:
        evaluation = session.exec(select(Evaluation)).one()
    assert "Similarity" not in heads(evaluation)
    assert similarity_words(evaluation) == f"Semantic similarity was not measured: {OFF}."


def test_a_sentence_model_that_is_away_costs_no_verdict():
    never_started = Meaning.by(SentenceModel(packaged_folder()))

    assert likeness_among(replace(never_started, patience_seconds=0.01), ["a"]).problem == AWAY
