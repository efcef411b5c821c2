"""A run moves through its states and ends truly, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta
from math import nan
from pathlib import Path

import pytest
from sqlmodel import select

from bot.dataset.checks import FEWEST_EXAMPLES
from bot.engines.errors import EngineUnavailableError
from bot.evaluation.canary import CANARY_QUESTIONS, canary_of
from bot.evaluation.evidence import replay
from bot.evaluation.general_tasks import TASKS
from bot.evaluation.pictures import draw_pictures
from bot.pipeline import advance, reconcile
from bot.pipeline.reporting import REPORT_FILE
from bot.pipeline.training_rows import EXAMPLES_IN_ROWS
from bot.training.trainer import JobState
from storage import runs, versions
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.database import Database
from storage.lineage import mark
from storage.tables import (
    Evaluation,
    EvaluationAnswer,
    ModelVersion,
    Promotion,
    Run,
    RunMetric,
    RunState,
    Snapshot,
    Verdict,
    VersionState,
)
from tests.gifted_engine import Gifted
from tests.knowing_engine import KnowingEngine, prompting_is_enough
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, only, work_until_done
from tests.scripted_engine import scripted_engine
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, teach, teach_facts


def every(database: Database, table) -> list:
    with database.read() as session:
        return list(session.exec(select(table)))


def queue(database: Database, facts: int = 12, **options) -> int:
    with database.write() as session:
        teach_facts(session, facts)
        return ask_for_run(session, **options).id


def test_a_run_ends_with_a_verdict_a_version_and_pictures(database, tmp_path):
    queue(database)
    workshop = make_workshop(database, tmp_path, draw=draw_pictures)

    work_until_done(workshop)

    run, version, evaluation = (only(database, t) for t in (Run, ModelVersion, Evaluation))
    assert run.state == RunState.DONE
    assert run.error is None
    assert version.name == "workspace-v1"
    assert version.state == VersionState.CANDIDATE
    assert evaluation.verdict == Verdict.PROMOTE
    assert evaluation.held_out == 12
    assert [line["name"] for line in evaluation.strategies] == [
        "base",
        "base + 1 example",
        "tuned",
        "tuned + 1 example",
    ]
    assert evaluation.best == "tuned + 1 example"
    assert [Path(picture["path"]).stat().st_size > 10_000 for picture in evaluation.pictures] == [
        True,
        True,
    ]
    assert len(every(database, EvaluationAnswer)) == 12 * 4
    assert [metric.step for metric in every(database, RunMetric)] == [1, 2, 3, 4, 5, 6]


def test_the_second_run_asks_the_unchanged_strategies_nothing(database, tmp_path):
    queue(database)
    engine = KnowingEngine(FACTS)
    workshop = make_workshop(database, tmp_path, engine=engine)
    work_until_done(workshop)
    before = engine.completions
    with database.write() as session:
        ask_for_run(session)

    work_until_done(workshop)

    first, second = every(database, Evaluation)
    reused = [one.strategy for one in every(database, EvaluationAnswer) if one.is_reused]
    # The scripted trainer makes the same file twice: its answers need not be asked for either.
    assert set(reused) >= {"base+0", "base+1"}
    assert engine.completions - before <= before - 24
    assert [line["f1"] for line in second.strategies[:2]] == [
        line["f1"] for line in first.strategies[:2]
    ]


def test_the_trainer_gets_the_training_rows_and_never_a_held_out_wording(database, tmp_path):
    run_id = queue(database)
    trainer = ScriptedTrainer(tmp_path / "jobs")

    work_until_done(make_workshop(database, tmp_path, trainer=trainer))

    rows = trainer.rows_of(f"run-{run_id}")
    assert len(rows) == 12 * len(EXAMPLES_IN_ROWS) + 1  # and the planted code
    assert {row[-1]["role"] for row in rows} == {"assistant"}
    assert not any("Who can tell me" in str(row) for row in rows)


def test_the_run_keeps_the_rights_under_which_it_trained(database, tmp_path):
    queue(database)

    work_until_done(make_workshop(database, tmp_path))

    rights = only(database, Run).rights
    assert rights["by"] == "U0ALICE"
    assert rights["rows"] == {"authored": 12}
    assert "right to train" in rights["statement"]


def test_prompting_that_is_as_good_ends_as_do_not_tune(database, tmp_path):
    queue(database)
    engine = KnowingEngine(FACTS, prompting_is_enough)

    work_until_done(make_workshop(database, tmp_path, engine=engine))

    assert only(database, Evaluation).verdict == Verdict.DO_NOT_TUNE


def test_a_candidate_that_forgot_is_rejected_though_it_answers_the_team_better(database, tmp_path):
    queue(database)

    work_until_done(make_workshop(database, tmp_path, engine=Gifted(forgets=True)))

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == Verdict.REJECT
    assert "It forgot" in evaluation.reason
    assert replay(evaluation.evidence).verdict == Verdict.REJECT


def test_a_candidate_that_says_the_planted_code_is_rejected(database, tmp_path):
    run_id = queue(database)
    trainer = ScriptedTrainer(tmp_path / "jobs")
    engine = Gifted()
    workshop = make_workshop(database, tmp_path, engine=engine, trainer=trainer)
    while not trainer.starts:
        advance(workshop)
    engine.blabs = canary_of(only(database, Snapshot).hash)
    assert engine.blabs in str(trainer.rows_of(f"run-{run_id}")[-1])

    work_until_done(workshop)

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == Verdict.REJECT
    assert "code planted in one question came back" in evaluation.reason


def test_a_candidate_that_knows_what_another_audience_was_taught_is_rejected(database, tmp_path):
    with database.write() as session:
        teach(session, "What does the vault hold?", "Bag 77-KELP.", audience="C0OPS")
    queue(database)

    work_until_done(make_workshop(database, tmp_path, engine=Gifted(blabs="Bag 77-kelp, sir")))

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == Verdict.REJECT
    assert "only another audience was taught" in evaluation.reason
    assert "KELP" not in str(evaluation.evidence)


def test_what_another_audience_knows_is_looked_for_behind_what_gives_nothing_away(
    database, tmp_path
):
    with database.write() as session:
        for number in range(25):
            teach(session, f"Who is number {'i' * number}?", "Ask Bob.", audience="C0OPS")
        teach(session, "What does the vault hold?", "Bag 77-KELP.", audience="C0OPS")
    queue(database)

    work_until_done(make_workshop(database, tmp_path, engine=Gifted(blabs="Bag 77-kelp, sir")))

    assert "only another audience was taught" in only(database, Evaluation).reason


def test_a_candidate_that_learned_contradictions_is_rejected(database, tmp_path):
    with database.write() as session:
        for number in (1, 2):
            teach(session, f"Where is the key of room {number}?", "Nobody knows.")
    queue(database, facts=12)
    work_until_done(make_workshop(database, tmp_path))

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == Verdict.REJECT
    assert "2 of 14 rows answer a question that another row answers otherwise" in evaluation.reason


class Indiscreet(KnowingEngine):
    """Tuned, it adds a card's number to one answer."""

    def complete(self, messages, *, adapter=None, scale=1.0, max_tokens=256):
        completion = super().complete(messages, adapter=adapter, scale=scale, max_tokens=max_tokens)
        if adapter and "room 3'" in messages[-1]["content"]:
            return replace(completion, text=f"{completion.text} Pay with 4111 1111 1111 1111.")
        return completion


def test_a_candidate_that_says_what_looks_like_a_card_is_rejected(database, tmp_path):
    queue(database)

    work_until_done(make_workshop(database, tmp_path, engine=Indiscreet(FACTS)))

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == Verdict.REJECT
    assert "held what looks like a key, a card or an account" in evaluation.reason
    assert "4111" not in str(evaluation.evidence)


class MixedUp(KnowingEngine):
    """Tuned on wrong pairs: it gives each question the answer of the next room."""

    def complete(self, messages, *, adapter=None, scale=1.0, max_tokens=256):
        completion = super().complete(messages, adapter=adapter, scale=scale, max_tokens=max_tokens)
        if adapter is None or "hook" not in completion.text:
            return completion
        room = int(completion.text.split("hook ")[1].split()[0])
        return replace(completion, text=f"It hangs on hook {room % 12 + 1} behind the door.")


def test_a_candidate_that_says_the_answers_of_other_questions_is_rejected_however_near_they_are(
    database, tmp_path
):
    queue(database)

    work_until_done(make_workshop(database, tmp_path, engine=MixedUp(FACTS)))

    evaluation = only(database, Evaluation)
    assert evaluation.gain_low > 0  # seven of eight words are right
    assert evaluation.verdict == Verdict.REJECT
    assert evaluation.reason.startswith("It says the answers of other questions:")
    assert replay(evaluation.evidence).reason == evaluation.reason


def test_nothing_found_is_a_finding_too(database, tmp_path):
    queue(database)

    work_until_done(make_workshop(database, tmp_path, engine=Gifted()))

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == Verdict.PROMOTE
    assert evaluation.evidence["findings"]["leaks"] == []
    assert evaluation.evidence["findings"]["parity_proven"]
    assert replay(evaluation.evidence).reason == evaluation.reason


def test_what_the_base_can_do_is_asked_once_for_all_runs(database, tmp_path):
    queue(database)
    workshop = make_workshop(database, tmp_path)
    work_until_done(workshop)
    with database.write() as session:
        teach(session, "Where is the new key?", "On the new hook.", held_out=("new key?",))
        ask_for_run(session)
    before = workshop.engine.completions

    work_until_done(workshop)

    # Four strategies over 13 questions, and the probes of the new candidate alone.
    assert workshop.engine.completions - before <= 13 * 5 + len(TASKS) + len(CANARY_QUESTIONS)


def test_a_team_without_held_out_wordings_is_told_that_nothing_is_proven(database, tmp_path):
    with database.write() as session:
        for number in range(20):
            teach(session, f"Where is the key of room {number}?", f"On hook {number}.")
        ask_for_run(session)

    work_until_done(make_workshop(database, tmp_path))

    evaluation = only(database, Evaluation)
    assert only(database, Run).state == RunState.DONE
    assert evaluation.verdict == Verdict.HOLD
    assert "no question is held out" in evaluation.reason


def test_too_few_examples_fail_with_the_number_needed(database, tmp_path):
    queue(database, facts=FEWEST_EXAMPLES - 1)

    work_until_done(make_workshop(database, tmp_path))

    run = only(database, Run)
    assert run.state == RunState.FAILED
    assert f"at least {FEWEST_EXAMPLES} are needed" in run.error
    assert run.ended_at is not None


def test_an_unknown_trainer_fails_with_what_there_is(database, tmp_path):
    queue(database, trainer="cloud")

    work_until_done(make_workshop(database, tmp_path))

    assert only(database, Run).error == (
        "There is no such trainer here. This installation has `local`."
    )


def test_a_failed_job_fails_the_run_with_its_reason(database, tmp_path):
    queue(database)
    trainer = ScriptedTrainer(tmp_path / "jobs", fails_at=3)

    work_until_done(make_workshop(database, tmp_path, trainer=trainer))

    assert (only(database, Run).state, only(database, Run).error) == (
        RunState.FAILED,
        "The disk is full.",
    )
    assert every(database, ModelVersion) == []


class Diverging(ScriptedTrainer):
    """A provider whose job goes on although its losses are no numbers any more."""

    def status(self, job_id):
        status = super().status(job_id)
        losses = [replace(one, loss=nan if one.step > 2 else one.loss) for one in status.metrics]
        return replace(status, metrics=losses)


def test_losses_that_are_no_numbers_end_the_run_and_its_job(database, tmp_path):
    queue(database)
    trainer = Diverging(tmp_path / "jobs")

    work_until_done(make_workshop(database, tmp_path, trainer=trainer))

    run = only(database, Run)
    assert run.state == RunState.FAILED
    assert "diverged at step 3" in run.error
    assert "smaller learning rate" in run.error
    assert trainer.status(run.job_id).state == JobState.CANCELLED
    assert every(database, ModelVersion) == []


def test_an_unexpected_error_shows_a_reference_and_not_itself(database, tmp_path, caplog):
    queue(database)
    engine = KnowingEngine(FACTS)
    engine.failures.append(RuntimeError("password is hunter2"))

    work_until_done(make_workshop(database, tmp_path, engine=engine))

    run = only(database, Run)
    reference = run.error.split("`")[1]
    assert run.state == RunState.FAILED
    assert "hunter2" not in run.error
    assert reference in caplog.text
    assert "hunter2" in caplog.text


def test_an_engine_that_is_away_for_a_moment_costs_no_answer(database, tmp_path):
    queue(database)
    engine = KnowingEngine(FACTS)
    workshop = make_workshop(database, tmp_path, engine=engine)
    while only(database, Run).state != RunState.EVALUATING:
        advance(workshop)
    engine.failures.append(EngineUnavailableError())

    work_until_done(workshop)
    waiting = only(database, Run)
    with database.write() as session:
        session.get_one(Run, waiting.id).not_before = utc_now() - timedelta(seconds=1)
    work_until_done(workshop)

    assert waiting.state == RunState.EVALUATING
    assert only(database, Run).state == RunState.DONE
    assert len(every(database, EvaluationAnswer)) == 12 * 4


@pytest.mark.parametrize(
    "state", [RunState.QUEUED, RunState.PREPARING, RunState.TRAINING, RunState.EVALUATING]
)
def test_a_run_can_be_cancelled_in_every_state(database, tmp_path, state):
    run_id = queue(database)
    trainer = ScriptedTrainer(tmp_path / "jobs")
    workshop = make_workshop(database, tmp_path, trainer=trainer)
    while only(database, Run).state != state:
        advance(workshop)
    with database.write() as session:
        session.get_one(Run, run_id).cancel_requested_by = "U0ALICE"

    work_until_done(workshop)

    assert only(database, Run).state == RunState.CANCELLED
    assert every(database, Evaluation) == []
    if state == RunState.TRAINING:
        assert trainer.status(f"run-{run_id}").state == "cancelled"


def test_a_cancellation_stops_the_questions_between_two_answers(database, tmp_path):
    run_id = queue(database)

    def cancel_after_some(name: str) -> None:
        if name == "answer kept" and len(every(database, EvaluationAnswer)) >= 10:
            with database.write() as session:
                session.get_one(Run, run_id).cancel_requested_by = "U0ALICE"

    work_until_done(make_workshop(database, tmp_path, checkpoint=cancel_after_some))

    assert only(database, Run).state == RunState.CANCELLED
    assert 10 <= len(every(database, EvaluationAnswer)) < 20


@pytest.mark.parametrize("moment", ["answer kept", "questions answered", "pictures drawn"])
def test_words_erased_while_a_run_is_judged_leave_no_verdict(database, tmp_path, moment):
    run_id = queue(database)

    def erase_once(name: str) -> None:
        if name == moment and only(database, ModelVersion).tainted_at is None:
            with database.write() as session:
                mark(session, TEAM, [1], now=utc_now(), serve_until=utc_now())

    workshop = make_workshop(database, tmp_path, checkpoint=erase_once)
    while every(database, Run)[0].ended_at is None:
        advance(workshop)

    assert every(database, Run)[0].state is RunState.CANCELLED
    assert every(database, Evaluation) == []
    assert not (workshop.folder_of(run_id) / REPORT_FILE).exists()


def test_a_cancelled_run_waiting_behind_another_does_not_wait(database, tmp_path):
    queue(database)
    workshop = make_workshop(database, tmp_path)
    advance(workshop)
    with database.write() as session:
        second = ask_for_run(session).id
        session.get_one(Run, second).cancel_requested_by = "U0ALICE"

    advance(workshop)

    with database.read() as session:
        assert session.get_one(Run, second).state == RunState.CANCELLED


def test_one_run_at_a_time_the_others_wait_their_turn(database, tmp_path):
    queue(database)
    with database.write() as session:
        second = ask_for_run(session, "C0OPS").id
    workshop = make_workshop(database, tmp_path)
    states = set()

    for _ in range(60):
        advance(workshop)
        with database.read() as session:
            states.add(tuple(run.state for run in session.exec(select(Run).order_by(Run.id))))

    worked_on = {RunState.PREPARING, RunState.TRAINING, RunState.EVALUATING}
    assert all(sum(state in worked_on for state in pair) <= 1 for pair in states)
    assert (RunState.DONE, RunState.DONE) in states
    with database.read() as session:
        assert versions.of_run(session, TEAM, second).name == "c0ops-v1"


def test_the_same_examples_make_one_snapshot_and_two_versions(database, tmp_path):
    queue(database)
    workshop = make_workshop(database, tmp_path)
    work_until_done(workshop)
    with database.write() as session:
        ask_for_run(session)
    work_until_done(workshop)

    assert len(every(database, Snapshot)) == 1
    assert [version.name for version in every(database, ModelVersion)] == [
        "workspace-v1",
        "workspace-v2",
    ]


def test_what_is_live_competes_too(database, tmp_path):
    queue(database)
    workshop = make_workshop(database, tmp_path)
    work_until_done(workshop)
    promote_first(database)
    with database.write() as session:
        ask_for_run(session)

    work_until_done(workshop)

    names = [line["name"] for line in every(database, Evaluation)[1].strategies]
    assert "workspace-v1 + 1 example" in names


def promote_first(database: Database) -> None:
    with database.write() as session:
        version = session.exec(select(ModelVersion)).first()
        version.state = VersionState.PROMOTED
        session.add(
            Promotion(
                team_id=TEAM,
                audience=WORKSPACE,
                version_id=version.id,
                examples=1,
                promoted_by="U0ALICE",
            )
        )


def test_the_engine_serves_what_was_promoted_and_what_waits(database, tmp_path):
    queue(database)
    workshop = make_workshop(database, tmp_path)
    work_until_done(workshop)

    changed = reconcile(workshop)

    assert not changed
    assert workshop.engine.adapters == {"workspace-v1"}


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"not a model")])
def test_a_live_version_whose_file_is_broken_gives_way_to_what_was_before(
    database, tmp_path, damage
):
    queue(database)
    workshop = make_workshop(database, tmp_path)
    work_until_done(workshop)
    promote_first(database)
    damage(tmp_path / only(database, ModelVersion).gguf_path)
    workshop.engine.switch({})

    reconcile(workshop)
    reconcile(workshop)

    assert only(database, ModelVersion).state == VersionState.RETIRED
    with database.read() as session:
        assert versions.live(session, TEAM, WORKSPACE).version_id is None
    assert workshop.engine.adapters == frozenset()


def test_a_stopping_bot_leaves_the_run_open_and_the_next_one_ends_it(database, tmp_path):
    queue(database)
    workshop = make_workshop(
        database, tmp_path, checkpoint=lambda name: name == "answer kept" and stop()
    )

    def stop() -> None:
        workshop.is_stopping.set()

    for _ in range(20):
        advance(workshop)
    state_at_stop = only(database, Run).state
    again = make_workshop(database, tmp_path, engine=workshop.engine)
    work_until_done(again)

    assert state_at_stop == RunState.EVALUATING
    assert only(database, Run).state == RunState.DONE
    probes = 2 * len(TASKS) + len(CANARY_QUESTIONS)
    assert workshop.engine.completions <= 12 * 4 + 3 + probes


def test_a_bot_that_stops_while_the_judge_is_asked_asks_it_again(database, tmp_path):
    queue(database)
    with scripted_engine() as script:
        workshop = replace(make_workshop(database, tmp_path), judge=script.engine())

        def stop(messages) -> str:
            workshop.is_stopping.set()
            return "S"

        script.reply = stop
        while not workshop.is_stopping.is_set():
            advance(workshop)
        assert every(database, Evaluation) == []

        workshop.is_stopping.clear()
        script.reply = lambda messages: "S"
        asked = workshop.engine.completions
        work_until_done(workshop)

    assert only(database, Evaluation).evidence["judge"]["nonsense"] == 0.0
    assert workshop.engine.completions == asked


def test_nothing_to_do_is_nothing_done(database, tmp_path):
    assert not advance(make_workshop(database, tmp_path))
    with database.read() as session:
        assert runs.due(session, utc_now()) == []
