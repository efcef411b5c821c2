"""Versions judged again and side by side: on the same questions, in words."""

import json

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from bot.answering.blind import Choice
from bot.cli import cli
from bot.cli.evaluate import table_of
from bot.errors import NotFoundError
from bot.evaluation.blind import cast, next_pair
from bot.evaluation.comparison import Sheet, compare
from bot.evaluation.evidence import replay
from bot.pipeline.comparing import compare_versions
from bot.pipeline.judging_again import judge_again
from bot.settings import load_settings
from storage.audience import WORKSPACE, Viewer
from storage.audit import entries
from storage.columns import utc_now
from storage.lineage import mark
from storage.snapshots import hashes_of
from storage.tables import BlindVote, Evaluation, Example, ModelVersion, Verdict, Wording
from tests.gifted_engine import Gifted
from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, fresh_database, teach, teach_facts

ALL = Viewer(frozenset({WORKSPACE, "C0OPS"}))
ANOTHER_WAY = {f"Key for room {n}, anyone?": f"It hangs on hook {n} behind the door."
               for n in range(1, 30)}  # fmt: skip


@pytest.fixture
def database(tmp_path):
    return fresh_database(tmp_path)


def run(database, tmp_path, skill=None, audience=WORKSPACE):
    """Train and judge; returns the workshop."""
    with database.write() as session:
        ask_for_run(session, audience=audience)
    engine = KnowingEngine(FACTS | ANOTHER_WAY)
    if skill:
        engine.skill = skill
    trainer = ScriptedTrainer(tmp_path / "jobs")
    workshop = make_workshop(database, tmp_path, engine=engine, trainer=trainer)
    work_until_done(workshop)
    return workshop


def word_differently(database) -> None:
    with database.write() as session:
        for wording in session.exec(select(Wording)).all():
            number = wording.text.split("room ")[1].split("'")[0]
            session.add(
                Wording(
                    team_id=TEAM, example_id=wording.example_id,
                    text=f"Key for room {number}, anyone?",
                )
            )  # fmt: skip


def test_more_wordings_settle_what_was_not_settled(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 9)
    workshop = run(database, tmp_path)
    with database.read() as session:
        before = session.exec(select(Evaluation)).one()
    assert before.verdict == Verdict.HOLD
    with database.write() as session:
        teach_facts(session, 12)  # nine of them again, three new: never learned, never asked
    word_differently(database)
    asked = workshop.engine.completions

    judged = judge_again(workshop, TEAM, "workspace-v1", ALL, by="U0ALICE")

    assert judged.held_out == 18
    with database.read() as session:
        kept = session.exec(select(Evaluation)).one()
        assert kept.id == before.id
        assert kept.held_out == 18
        assert kept.evidence["before"][0]["verdict"] == "hold"
        assert kept.evidence["before"][0]["evidence"]["scores"] == before.evidence["scores"]
        assert replay(kept.evidence).verdict == kept.verdict
        noted = [one for one in entries(session, TEAM, ALL) if one.action == "version.judged"]
    assert [one.actor for one in noted] == ["U0ALICE", "U0ALICE"]  # at first, and again
    # The nine old questions were not asked again, nor the probes.
    assert workshop.engine.completions - asked <= 9 * 4
    page = (tmp_path / "reports" / "run-1" / "report.html").read_text("utf-8")
    assert "Key for room 3, anyone?" in page


def test_a_version_that_cannot_be_asked_is_refused_with_the_reason(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    workshop = run(database, tmp_path)

    with pytest.raises(NotFoundError, match="There is no version workspace-v9"):
        judge_again(workshop, TEAM, "workspace-v9", ALL, by="x")
    with database.write() as session:
        session.exec(select(ModelVersion)).one().base_digest = "1" * 64
    with pytest.raises(NotFoundError, match="another base model"):
        judge_again(workshop, TEAM, "workspace-v1", ALL, by="x")
    with database.write() as session:
        version = session.exec(select(ModelVersion)).one()
        version.base_digest = workshop.base.digest
        (tmp_path / version.gguf_path).unlink()
    with pytest.raises(NotFoundError, match="are gone"):
        judge_again(workshop, TEAM, "workspace-v1", ALL, by="x")


def test_words_erased_while_a_version_is_judged_again_speak_against_it(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    workshop = run(database, tmp_path)
    word_differently(database)

    def erase(done: int, total: int) -> None:
        if done == total:
            with database.write() as session:
                mark(session, TEAM, [1], now=utc_now(), serve_until=utc_now())

    judged = judge_again(workshop, TEAM, "workspace-v1", ALL, by="U0ALICE", report=erase)

    assert judged.verdict == Verdict.REJECT
    assert "something it learned was erased since" in judged.reason


def test_what_another_audience_says_by_now_is_asked_again(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
        vault = teach(session, "What does the vault hold?", "Bag 77-KELP.", audience="C0OPS")
        ask_for_run(session)
    engine = Gifted(blabs="Bag 88-MOSS")
    workshop = make_workshop(database, tmp_path, engine=engine)
    work_until_done(workshop)
    with database.write() as session:
        assert session.exec(select(Evaluation)).one().verdict == Verdict.PROMOTE
        vault = session.get_one(Example, vault.id)
        vault.answer, vault.revision = "Bag 88-MOSS.", 2

    judged = judge_again(workshop, TEAM, "workspace-v1", ALL, by="U0ALICE")

    assert "only another audience was taught" in judged.reason


def vote_for_prompting(database, questions: int) -> dict:
    """Bob prefers the prompted answer to so many questions; what people said in all."""
    for _ in range(questions):
        with database.write() as session:
            pair = next_pair(session, TEAM, 1, "U0BOB", ALL)
            choice = Choice.FIRST if "Something" in pair.first else Choice.SECOND
            cast(session, TEAM, 1, "U0BOB", ALL, pair.row_id, choice)
    with database.read() as session:
        return session.exec(select(Evaluation)).one().evidence["people"]


def test_what_people_said_still_counts_after_judging_again_and_once_a_question(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    workshop = run(database, tmp_path, lambda tuned, k: 1.0 if tuned else 0.0)
    before = vote_for_prompting(database, 12)
    assert (before["prompted"], before["prefer"]) == (12, "prompted")
    word_differently(database)

    judge_again(workshop, TEAM, "workspace-v1", ALL, by="U0ALICE")

    with database.read() as session:
        assert session.exec(select(Evaluation)).one().evidence["people"] == before
    assert vote_for_prompting(database, 24)["prompted"] == 24  # of 36 votes 12 are said again


def test_questions_of_an_older_data_set_are_no_facts_of_their_own(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    workshop = run(database, tmp_path, lambda tuned, k: 1.0 if tuned else 0.0)
    vote_for_prompting(database, 6)
    word_differently(database)
    judge_again(workshop, TEAM, "workspace-v1", ALL, by="U0ALICE")

    with database.write() as session:  # the same six, anew
        [evaluation] = session.exec(select(Evaluation)).all()
        voted = {vote.snapshot_row_id for vote in session.exec(select(BlindVote))}
        hashes = hashes_of(session, TEAM, {*voted, *map(int, evaluation.evidence["clusters"])})
        said = {hashes[row] for row in voted}
        again = [row for row, its in hashes.items() if its in said and row not in voted]
        for row in again:
            cast(session, TEAM, 1, "U0CAROL", ALL, row, Choice.SAME)

    with database.read() as session:
        people = session.exec(select(Evaluation)).one().evidence["people"]
    assert (people["votes"], people["people"], people["prefer"]) == (12, 2, None)


def test_two_versions_are_compared_on_the_questions_both_were_asked(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 16)
    run(database, tmp_path, lambda tuned, k: 0.1)
    with database.write() as session:  # the second run's snapshot is another one
        teach_facts(session, 20)[19].answer += " Really."
    run(database, tmp_path, lambda tuned, k: 0.95 if tuned and k else 0.1)

    with database.read() as session:
        found = compare_versions(session, TEAM, "workspace-v2", "workspace-v1", ALL)
        back = compare_versions(session, TEAM, "workspace-v1", "workspace-v2", ALL)
        base = compare_versions(session, TEAM, "base", "workspace-v2", ALL)

    assert found.facts == 16
    assert found.gain.low > 0
    assert "workspace-v2 is better." in found.sentences()[1]
    assert "on the same 16 held-out questions about 16 facts" in found.sentences()[0]
    assert back.gain.mean == pytest.approx(-found.gain.mean)
    assert "workspace-v2 is better." in back.sentences()[1]
    assert base.gain.mean < 0


def test_a_private_version_is_compared_for_its_members_only(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12, audience="C0OPS")
    run(database, tmp_path, audience="C0OPS")

    with database.read() as session, pytest.raises(NotFoundError, match="no version c0ops-v1"):
        compare_versions(session, TEAM, "c0ops-v1", "base", Viewer.person([]))


def test_the_command_line_says_it_in_words_and_json(database, tmp_path, monkeypatch):
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path)
    database.close()
    monkeypatch.setenv("APPRENTICE_HOME", str(tmp_path))

    words = CliRunner().invoke(
        cli, ["models", "compare", "workspace-v1", "base"], obj=load_settings
    )
    whole = CliRunner().invoke(
        cli, ["models", "compare", "workspace-v1", "base", "--json"], obj=load_settings
    )
    same = CliRunner().invoke(cli, ["models", "compare", "base", "base"], obj=load_settings)

    assert "workspace-v1 (tuned + 1 example) scores" in words.stdout
    assert json.loads(whole.stdout)["questions"] == 12
    assert "name two different versions" in str(same.exception)


def test_a_verdict_is_reached_again_by_word_and_a_changed_one_is_told(
    database, tmp_path, monkeypatch
):
    with database.write() as session:
        teach_facts(session, 12)
    run(database, tmp_path)
    monkeypatch.setenv("APPRENTICE_HOME", str(tmp_path))

    def reach(*more: str):
        words = ["models", "replay", "workspace-v1", *more]
        return CliRunner().invoke(cli, words, obj=load_settings)

    same = reach()
    with database.write() as session:
        session.exec(select(Evaluation)).one().verdict = Verdict.HOLD
    database.close()

    assert "The same as was kept." in same.stdout
    assert "promote: Tuning pays" in same.stdout
    assert json.loads(reach("--json").stdout)["same"] is False
    assert "Kept is hold:" in reach().stdout


def test_the_table_of_a_new_verdict_fits_a_terminal_and_leaves_out_what_was_not_measured():
    line = {"f1": 0.22, "f1_low": -0.01, "f1_high": 0.31, "facts": 0.5, "prompt_tokens": 126.7}
    unmeasured = {"name": "tuned × 0.5 + 1 example"}

    first, second = table_of([{"name": "base", **line}, unmeasured])

    assert first == {
        "strategy": "base", "token F1": "0.22 (0.00–0.31)", "facts": "0.50", "prompt": "127"
    }  # fmt: skip
    assert second["token F1"] == second["facts"] == "–"


def sheet(name: str, **scores: float) -> Sheet:
    return Sheet(name, "tuned", scores)


def test_questions_only_one_was_asked_do_not_count():
    found = compare(
        sheet("a", x=1.0, y=1.0, z=0.0), sheet("b", x=0.5, y=0.5, q=1.0), {"x": 1, "y": 2, "z": 3}
    )

    assert (found.questions, found.facts) == (2, 2)
    assert found.gain.mean == 0.5
    assert "scores 1.00" in found.sentences()[0]


def test_nothing_in_common_and_one_fact_are_said():
    nothing = compare(sheet("a", x=1.0), sheet("b", y=1.0), {"x": 1, "y": 2})
    one_fact = compare(sheet("a", x=1.0), sheet("b", x=0.0), {"x": 1})
    equal = compare(sheet("a", x=1.0, y=1.0), sheet("b", x=1.0, y=1.0), {"x": 1, "y": 2})

    assert "no question in common" in nothing.sentences()[0]
    assert json.dumps(nothing.as_dict())
    assert "no interval" in one_fact.sentences()[1]
    assert "cannot tell them apart" in one_fact.sentences()[1]
    assert "cannot tell them apart" in equal.sentences()[1]
