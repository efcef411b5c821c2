"""An evaluation asks as serving would: same retrieval, same prompt, same harmless text."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from bot.answering.strategy import Strategy
from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from bot.engines.client import Completion
from bot.engines.errors import EngineUnavailableError
from bot.evaluation.evaluate import AT_ONCE, Exam, ask, held_out
from storage import runs
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.database import Database
from storage.lineage import mark
from storage.tables import EvaluationAnswer, Example, Run, SnapshotRow, Source, Split
from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS
from tests.teaching import TEAM, fresh_database, teach, teach_facts, thaw


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


class Parrot(KnowingEngine):
    """Says one sentence and remembers what it was asked."""

    def __init__(self, sentence: str = "yes") -> None:
        super().__init__({})
        self.sentence = sentence
        self.prompts: list[str] = []

    def complete(self, messages, *, adapter=None, scale=1.0, max_tokens=256) -> Completion:
        self.prompts.append("\n".join(message["content"] for message in messages))
        return Completion(self.sentence, 1, 1, 0.0, "stop")


def make_exam(database: Database, audience: str = WORKSPACE, examples: int = 1) -> Exam:
    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        rows = take_snapshot(session, TEAM, audience, attestation).rows
        run = runs.enqueue(
            session, TEAM, audience, trainer="local", requested_by="U0ALICE", channel_id=None
        )
    return Exam(TEAM, run.id, audience, held_out(rows), [Strategy(None, examples)])


def run(database: Database, engine: KnowingEngine, exam: Exam) -> list[EvaluationAnswer]:
    assert ask(database, engine, exam, keep_going=lambda: True, report=lambda done, total: None)
    with database.read() as session:
        return list(session.exec(select(EvaluationAnswer)))


def test_the_workspaces_model_is_never_shown_a_private_example(database):
    with database.write() as session:
        teach(session, "Where is the red key?", "In the drawer.", held_out=("red key where?",))
        teach(session, "Where is the red key of the vault?", "Secret.", audience="C0OPS")
    workspace, ops = Parrot(), Parrot()

    run(database, workspace, make_exam(database, WORKSPACE, examples=3))
    run(database, ops, make_exam(database, "C0OPS", examples=3))

    assert "Secret." not in "".join(workspace.prompts)
    assert "Secret." in "".join(ops.prompts)


def test_what_was_answered_before_a_crash_is_not_asked_again(database):
    with database.write() as session:
        teach_facts(session, 12)
    exam = make_exam(database)
    engine = KnowingEngine(FACTS)
    done: list[int] = []

    finished = ask(
        database,
        engine,
        exam,
        keep_going=lambda: len(done) < 2,
        report=lambda number, total: done.append(number),
    )
    before = engine.completions
    answers = run(database, engine, exam)

    assert not finished
    assert 2 <= before <= 2 * AT_ONCE
    assert len(answers) == 12
    # What was under way when it ended is asked again, nothing else.
    assert engine.completions < 12 + AT_ONCE


def test_an_engine_that_is_away_keeps_what_was_answered(database):
    with database.write() as session:
        teach_facts(session, 6)
    exam = make_exam(database)
    engine = KnowingEngine(FACTS)

    def fail_later(done: int, total: int) -> None:
        engine.failures.append(EngineUnavailableError())

    with pytest.raises(EngineUnavailableError):
        ask(database, engine, exam, keep_going=lambda: True, report=fail_later)
    engine.failures.clear()

    assert len(run(database, engine, exam)) == 6


def test_the_same_model_asked_the_same_by_an_earlier_run_is_not_asked_again(database):
    with database.write() as session:
        teach_facts(session, 6)
    engine, base = KnowingEngine(FACTS), {None: "digest of the file"}

    first = run(database, engine, replace(make_exam(database), digests=base))
    asked = engine.completions
    second = run(database, engine, replace(make_exam(database), digests=base))[6:]
    other = run(database, engine, replace(make_exam(database), digests={None: "another"}))[12:]
    unknown = run(database, engine, make_exam(database))[18:]

    assert asked == 6
    assert not any(one.is_reused for one in first + other + unknown)
    assert all(one.is_reused for one in second)
    # Several are asked at once and kept as they come.
    assert {(one.snapshot_row_id, one.text, one.f1) for one in second} == {
        (one.snapshot_row_id, one.text, one.f1) for one in first
    }
    assert engine.completions == 6 + 0 + 6 + 6


def test_other_examples_in_the_prompt_are_another_question(database):
    with database.write() as session:
        teach(session, "Where is the red key?", "In the drawer.", held_out=("red key where?",))
    engine, base = Parrot(), {None: "digest of the file"}
    run(database, engine, replace(make_exam(database), digests=base))
    with database.write() as session:
        session.exec(select(Example)).one().answer = "On the hook."

    run(database, engine, replace(make_exam(database), digests=base))

    assert len(engine.prompts) == 2


def test_a_workspace_run_never_takes_what_a_private_channel_s_run_was_answered(database):
    with database.write() as session:
        teach(session, "Where is the red key?", "In the drawer.", held_out=("red key where?",))
    engine, base = Parrot(), {None: "digest of the file"}

    run(database, engine, replace(make_exam(database, "C0OPS"), digests=base))
    run(database, engine, replace(make_exam(database, WORKSPACE), digests=base))
    run(database, engine, replace(make_exam(database, "C0OTHER"), digests=base))

    assert len(engine.prompts) == 2  # what the workspace's run heard may go to any channel's


def test_what_was_erased_is_not_reused(database):
    with database.write() as session:
        taught = teach(session, "Where is the red key?", "In it.", held_out=("red key where?",))
    engine, base = Parrot(), {None: "digest of the file"}
    exam = replace(make_exam(database), digests=base)
    run(database, engine, exam)
    with database.write() as session:
        session.get_one(Run, exam.run_id).snapshot_id = exam.rows[0].snapshot_id
        session.flush()
        mark(session, TEAM, [taught.id], now=utc_now(), serve_until=utc_now())

    with database.read() as session:
        (answer,) = session.exec(select(EvaluationAnswer))

    assert (answer.text, answer.asked) == ("", None)


def test_an_answer_that_may_quote_what_nobody_trained_on_is_erased_with_it(database):
    with database.write() as session:
        teach(session, "Where is the red key?", "In it.", held_out=("red key where?",))
    exam = make_exam(database, examples=2)
    with database.write() as session:  # in no snapshot, and shown to the model all the same
        later = teach(session, "Where is the red key of Zoe?", "With Zoe.")
    run(database, Parrot("Zoe has it."), exam)

    with database.write() as session:
        marked = mark(session, TEAM, [later.id], now=utc_now(), serve_until=utc_now())

    with database.read() as session:
        (answer,) = session.exec(select(EvaluationAnswer))
    assert answer.text == ""
    assert marked.run_ids == {exam.run_id}  # its report goes too


def test_a_link_the_model_made_up_counts_as_people_would_see_it(database):
    with database.write() as session:
        teach(session, "Where is the wiki?", "https://wiki.example", held_out=("wiki?",))

    (answer,) = run(database, Parrot("https://wiki.example"), make_exam(database, examples=0))
    text = answer.text

    assert "https" not in text
    assert answer.f1 == 0.0


def test_a_question_too_long_for_the_model_counts_as_unanswered(database):
    with database.write() as session:
        teach(session, "Where is the wiki?", "There.", held_out=("wiki " * 3000,))

    (answer,) = run(database, Parrot("There."), make_exam(database))

    assert (answer.text, answer.f1) == ("", 0.0)


def test_an_unseen_question_is_asked_without_the_examples_that_give_it_away(database):
    with database.write() as session:
        asked = teach(session, "Where is the blue key?", "On the blue hook.")
        teach(session, "Where is the BLUE key", "Blue hook, I said.")
        teach(session, "Where is the green key?", "On the green hook.")
    rows = make_rows(database, [asked.id, asked.id + 1])
    exam = make_exam(database, examples=3)
    engine = Parrot()

    run(database, engine, Exam(TEAM, exam.run_id, WORKSPACE, rows, exam.strategies))

    prompts = "".join(engine.prompts)
    assert "green hook" in prompts
    assert "blue hook" not in prompts.lower()


def make_rows(database: Database, example_ids: list[int]) -> list[SnapshotRow]:
    """Rows of unseen questions, as a data set with many examples has them."""
    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        rows = take_snapshot(session, TEAM, WORKSPACE, attestation).rows
        chosen = [row for row in rows if row.example_id in example_ids]
        thaw(session)
        for row in chosen:
            row.split = Split.HELD_OUT_QUESTION
    return chosen
