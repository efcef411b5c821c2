"""What `advise` says at each stage of a team's life, with figures that are its own."""

import json

import pytest
from sqlmodel import select

from bot.dataset.rights import attest
from bot.evaluation.advice import Answer
from bot.evaluation.advice_page import sections
from bot.evaluation.parity import Parity
from bot.pipeline.advising import advise
from bot.pipeline.parts import part_of
from storage.audience import WORKSPACE, Viewer
from storage.tables import ModelVersion, Run, SnapshotRow, Source, Split, VersionState
from tests.knowing_engine import KnowingEngine, prompting_is_enough, tuning_pays
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, teach, teach_facts

EVERYBODY = Viewer.person(["C0OPS"])


def advice_for(database, audience=WORKSPACE, viewer=EVERYBODY):
    with database.read() as session:
        return advise(session, TEAM, audience, viewer)


def page_of(advice) -> str:
    return "\n".join(line for _, lines in sections(advice) for line in lines)


def run(database, tmp_path, skill=tuning_pays, **options):
    with database.write() as session:
        run_id = ask_for_run(session, **options).id
    engine = KnowingEngine(FACTS, skill)
    work_until_done(make_workshop(database, tmp_path, engine=engine))
    return run_id


def test_with_nothing_at_all_it_says_how_to_begin(database):
    advice = advice_for(database)

    assert advice.answer is Answer.NOT_YET
    assert advice.measured is None
    page = page_of(advice)
    assert "Not yet: 0 approved examples, and a run takes 8 or more" in page
    assert "no number to expect" in page
    assert "Mark good answers" in page


def test_enough_examples_need_a_statement_first_and_then_a_try(database):
    with database.write() as session:
        teach_facts(session, 12)
    assert advice_for(database).answer is Answer.RIGHTS_FIRST

    with database.write() as session:
        attest(session, TEAM, "U0ALICE", tuple(Source))
    advice = advice_for(database)

    assert advice.answer is Answer.TRY
    material = advice.material
    assert (material.examples, material.questions, material.wordings) == (12, 12, 12)
    assert (material.found_first, material.looked_up) == (12, 12)
    assert "finds the right example first for 12" in page_of(advice)
    assert "Not measured yet" in page_of(advice)


def test_what_may_not_be_trained_on_is_not_counted(database):
    with database.write() as session:
        teach_facts(session, 9)
        teach(session, "Where is the lift?", "Left.", source=Source.SLACK_MESSAGE)
        attest(session, TEAM, "U0ALICE", [Source.AUTHORED])

    advice = advice_for(database)

    assert advice.material.examples == 9
    assert advice.material.left_out == {"slack_message": 1}
    assert "1 example may not be trained on" in page_of(advice)


def test_one_question_asked_ten_times_is_one_question(database):
    with database.write() as session:
        for _ in range(10):
            teach(session, "Where is the key?", "On the hook.")

    advice = advice_for(database)

    assert (advice.material.examples, advice.material.questions) == (10, 1)
    assert "They all ask the same" in page_of(advice)


def test_after_a_run_that_pays_it_says_yes_with_the_figures(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path)

    advice = advice_for(database)

    measured = advice.measured
    assert advice.answer is Answer.YES
    assert measured.tuned.f1 > measured.prompting.f1
    assert measured.trained_on == 12
    assert advice.expected is None
    page = page_of(advice)
    assert "Yes: `/apprentice promote workspace-v1`. Tuning pays" in page
    assert "over 12 held-out questions" in page
    assert "of the numbers, names, commands and links" in page
    assert "cannot be said from one size of data" in page
    assert "less than a minute of this machine" in page

    with database.write() as session:
        session.exec(select(ModelVersion)).one().state = VersionState.RETIRED
    assert "Yes, but workspace-v1 is retired: `/apprentice train`" in page_of(advice_for(database))


def test_after_a_run_that_pays_but_lacks_a_proof_it_says_that(database, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bot.pipeline.probing.parity_of", lambda *_: Parity(unproven="nobody says.")
    )
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path)

    advice = advice_for(database)

    assert advice.answer is Answer.UNPROVEN
    page = page_of(advice)
    assert "Yes, if you can do without one proof. Not proven to be served as it was" in page
    assert "`/apprentice promote workspace-v1 unproven`" in page


def test_prompting_that_is_as_good_is_a_no(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path, prompting_is_enough)

    advice = advice_for(database)

    assert advice.answer is Answer.NO
    assert "No. Prompting is as good" in page_of(advice)


def test_new_examples_since_the_run_are_a_reason_to_measure_again(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path)
    with database.write() as session:
        for number in range(5):
            teach(session, f"Who has badge {number}?", f"Person {number}.")

    assert "5 examples came since that run: measure again" in page_of(advice_for(database))


def test_runs_on_parts_make_a_curve(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 24)
    for part in (0.4, 0.7, 1.0):
        with database.write() as session:
            ask_for_run(session).hyperparameters = {} if part == 1 else {"part": part}
        trainer = ScriptedTrainer(tmp_path / "jobs")
        skill = lambda tuned, k, part=part: part * 0.9 if tuned else 0.1  # noqa: E731
        workshop = make_workshop(
            database, tmp_path, engine=KnowingEngine(FACTS, skill), trainer=trainer
        )
        work_until_done(workshop)

    advice = advice_for(database)

    sizes = sorted(point.examples for point in advice.measured.points)
    assert sizes == [10, 17, 24]
    with database.read() as session:
        assert [one.hyperparameters["examples"] for one in session.exec(select(Run))] == sizes
    assert advice.expected.low < advice.expected.mean
    assert advice.expected.mean > advice.measured.points[-1].f1
    assert "runs on 10, 17 and 24 examples" in page_of(advice)


def test_parts_are_nested_and_leave_what_is_held_out(database):
    def row(number: int, split: Split) -> SnapshotRow:
        return SnapshotRow(
            team_id=TEAM, snapshot_id=1, position=number, split=split, example_id=number,
            question="", answer=f"It is {number}.", question_source="", answer_source="",
            row_hash="",
        )  # fmt: skip

    rows = [row(n, Split.TRAIN) for n in range(40)] + [row(99, Split.HELD_OUT_WORDING)]

    small, large = ({r.example_id for r in part_of(rows, part)} for part in (0.25, 0.5))

    assert len(small) == 10 + 1
    assert small < large
    assert 99 in small
    assert part_of(rows, 1.0) == rows


def test_it_says_which_kinds_of_questions_gain(database, tmp_path):
    with database.write() as session:
        for number, example in enumerate(teach_facts(session, 16)):
            example.tags = ["<b>odd"] if number % 2 else ["even"]
            example.channel_id, example.answer_ts = "C0HELP", str(number)
    run(database, tmp_path)

    advice = advice_for(database)

    assert {(kind.what, kind.name) for kind in advice.measured.kinds} == {
        ("tag", "<b>odd"),
        ("tag", "even"),
    }  # all of them are from C0HELP, which tells nothing
    assert all(kind.questions == 8 for kind in advice.measured.kinds)
    total = sum(kind.gain * kind.questions for kind in advice.measured.kinds)
    measured = advice.measured
    assert total / 16 == pytest.approx(measured.tuned.f1 - measured.prompting.f1)
    assert "a hint and no proof" in page_of(advice)


def test_a_private_channel_s_figures_are_for_its_members(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12, audience="C0OPS")
    run(database, tmp_path, audience="C0OPS")

    outside = Viewer.person([])

    assert advice_for(database, "C0OPS").answer is Answer.YES
    for audience in (WORKSPACE, "C0OPS"):
        hidden = advice_for(database, audience, outside)
        assert hidden.measured is None
        assert hidden.material.examples == 0
    assert advice_for(database, WORKSPACE).material.examples == 0


def test_the_command_line_prints_the_page_and_json(database, tmp_path, monkeypatch, capsys):
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path)
    database.close()
    monkeypatch.setenv("APPRENTICE_HOME", str(tmp_path))

    from typer.testing import CliRunner

    from bot.cli import cli
    from bot.settings import load_settings

    page = CliRunner().invoke(cli, ["advise"], obj=load_settings)
    whole = CliRunner().invoke(cli, ["advise", "--json"], obj=load_settings)

    assert page.exit_code == 0, page.output
    assert page.stdout.startswith("Yes: ")
    assert "What to collect next" in page.stdout
    found = json.loads(whole.stdout)
    assert found["answer"] == "yes"
    assert found["material"]["questions"] == 12
    assert found["page"][0]["title"] == "Should we tune?"
