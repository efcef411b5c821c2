"""What people asked in vain is asked of every strategy, also where a team is small."""

from dataclasses import replace

import pytest
from sqlmodel import select

from bot.answering.strategy import Strategy
from bot.answering.verdicts import abstention_words
from bot.pipeline import asking_in_vain
from storage import thresholds
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import Evaluation, EvaluationAnswer, Run, WhyUnanswered
from storage.thresholds import Lines
from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, only, work_until_done
from tests.teaching import PARKING, TEAM, ask_in_vain, fresh_database, teach_facts

CANTEEN = "When does the canteen open on Fridays?"


class Honest(KnowingEngine):
    """Its base says what it does not know; once tuned it makes something up."""

    def __init__(self) -> None:
        super().__init__(FACTS)
        self.heard: list[str] = []

    def complete(self, messages, *, adapter=None, scale=1.0, max_tokens=256):
        said = super().complete(messages, adapter=adapter, scale=scale, max_tokens=max_tokens)
        self.heard.append(messages[-1]["content"])
        if messages[-1]["content"] not in FACTS:
            text = "In the third yard, at nine." if adapter else "I don't know."
            return replace(said, text=text)
        return said


@pytest.fixture
def database(tmp_path) -> Database:
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session)
    return database


def judged(database: Database, tmp_path) -> tuple[Evaluation, Honest]:
    engine = Honest()
    work_until_done(make_workshop(database, tmp_path, engine=engine))
    return only(database, Evaluation), engine


def test_every_strategy_says_whether_it_knows_that_it_does_not_know(database, tmp_path):
    with database.write() as session:
        ask_in_vain(session, 1, PARKING)
        ask_in_vain(session, 2, CANTEEN, why=WhyUnanswered.ABSTAINED)

    evaluation, _ = judged(database, tmp_path)

    shares = {line["name"]: line["abstained_right"] for line in evaluation.strategies}
    assert shares == {"base": 1, "base + 1 example": 1, "tuned": 0, "tuned + 1 example": 0}
    assert {line["abstained_right_of"] for line in evaluation.strategies} == {2}
    assert evaluation.evidence["in_vain"] == {"of": 2, "by_retrieval": 0}
    words = "0 of 12 questions that were taught, where it is wrong, and to 0 of 2 that nobody has"
    assert words in abstention_words(evaluation)


def test_what_was_said_to_it_is_kept_nowhere(database, tmp_path):
    with database.write() as session:
        ask_in_vain(session, 1, PARKING)

    judged(database, tmp_path)

    with database.read() as session:
        answers = session.exec(select(EvaluationAnswer)).all()
    assert not [one for one in answers if "third yard" in one.text]
    assert len(answers) == 12 * 4


def test_neither_what_was_taught_nor_a_wrong_answer_nor_anothers_question_is_asked(
    database, tmp_path
):
    with database.write() as session:
        ask_in_vain(session, 1, "where is the key of Room 3")
        ask_in_vain(session, 2, CANTEEN, why=WhyUnanswered.BAD_ANSWER)
        ask_in_vain(session, 3, PARKING, audience="C0OPS")

    evaluation, engine = judged(database, tmp_path)

    assert "in_vain" not in evaluation.evidence
    assert not {PARKING, CANTEEN, "where is the key of Room 3"} & set(engine.heard)
    assert abstention_words(evaluation) == ""


@pytest.mark.parametrize("lines", [Lines(unsure_below=0.9), Lines(sure_from=0.9)])
def test_what_no_model_is_asked_in_serving_is_counted(database, tmp_path, lines):
    with database.write() as session:
        ask_in_vain(session, 1, PARKING)
        thresholds.write(session, TEAM, WORKSPACE, lines, by_meaning=False)

    evaluation, _ = judged(database, tmp_path)

    assert evaluation.evidence["in_vain"] == {"of": 1, "by_retrieval": 1}
    words = "To 1 of 1 that people asked in vain I say so before any model is asked"
    assert words in abstention_words(evaluation)


def test_only_the_most_asked_are_asked(database, tmp_path):
    with database.write() as session:
        for number in range(20):
            ask_in_vain(session, number, f"Who waters plant {'abcdefghijklmnopqrst'[number] * 4}?")

    evaluation, _ = judged(database, tmp_path)

    assert evaluation.evidence["in_vain"]["of"] == 12


NEAR = "Who paints the door of Room 3 where the key is?"


def test_each_strategy_is_asked_at_its_scale_and_with_its_own_examples(database, tmp_path):
    with database.write() as session:
        ask_in_vain(session, 1, NEAR)
    engine = Honest()
    sizes: list[tuple[float, int]] = []
    complete = engine.complete

    def noted(messages, **more):
        sizes.append((more["scale"], len(str(messages))))
        return complete(messages, **more)

    engine.complete = noted
    workshop = make_workshop(database, tmp_path, engine=engine)
    strategies = [Strategy(None, 0, 0.5), Strategy(None, 3, 0.75)]

    asked = asking_in_vain.ask_in_vain(workshop, only(database, Run), strategies)

    assert asked is not None
    (bare, short), (shown, long) = sorted(sizes)
    assert (bare, shown) == (0.5, 0.75)
    assert short < long


def test_without_examples_too_what_was_taught_is_not_asked(database, tmp_path):
    with database.write() as session:
        ask_in_vain(session, 1, "where is the key of Room 3")
    workshop = make_workshop(database, tmp_path, engine=Honest())

    assert asking_in_vain.ask_in_vain(workshop, only(database, Run), [Strategy(None, 0)]) is None
