"""An adapter tried at several scales: judged, promoted, served and reported at the best of them."""

from dataclasses import replace

from sqlmodel import select

from bot.answering.canary import Plan, start
from bot.answering.choice import choose_strategy, is_in_share
from bot.answering.pins import pin_version, unpin
from bot.answering.promotion import promote, rollback
from bot.answering.strategy import BASE, Strategy, live_strategy
from bot.evaluation.evidence import replay
from bot.evaluation.general_tasks import TASKS
from bot.pipeline.comparing import compare_versions
from bot.pipeline.reporting import write_report
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.tables import Evaluation, EvaluationAnswer, ModelVersion, Verdict
from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, teach, teach_facts

EVERYONE = Viewer.person(())
NAME = "workspace-v1"
HALF = Strategy(NAME, 1, 0.5)


def overdone(scale: float) -> float:
    """Trained for too long: it knows little at full scale and all at half of it."""
    return 1.0 if scale < 1 else 0.2


def judged(database, tmp_path, at_scale=overdone, engine=None, **changes) -> KnowingEngine:
    with database.write() as session:
        teach_facts(session, 24)
        ask_for_run(session)
    engine = engine or KnowingEngine(FACTS)
    engine.at_scale = at_scale
    trainer = ScriptedTrainer(tmp_path / "jobs")
    workshop = make_workshop(database, tmp_path, engine=engine, trainer=trainer)
    work_until_done(replace(workshop, **({"scales": (1.0, 0.5)} | changes)))
    return engine


def only(database) -> Evaluation:
    with database.read() as session:
        return session.exec(select(Evaluation)).one()


def test_what_is_best_at_half_scale_is_promoted_at_half_scale(database, tmp_path):
    engine = judged(database, tmp_path)

    evaluation = only(database)
    assert evaluation.verdict == Verdict.PROMOTE
    assert evaluation.best == "tuned × 0.5 + 1 example"
    assert "for the best of 4 tried" in evaluation.reason
    assert replay(evaluation.evidence).best == HALF
    with database.write() as session:
        promote(session, TEAM, NAME, "U0ALICE", EVERYONE, tmp_path)
        assert live_strategy(session, TEAM, WORKSPACE) == HALF
        rollback(session, TEAM, WORKSPACE, "U0ALICE")
        assert live_strategy(session, TEAM, WORKSPACE) == BASE
    assert {scale for adapter, scale in engine.asked_at if adapter is None} == {1.0}


def test_a_rollback_returns_to_the_scale_that_was_live(database, tmp_path):
    judged(database, tmp_path)
    with database.write() as session:
        ask_for_run(session)
    work_until_done(make_workshop(database, tmp_path, engine=KnowingEngine(FACTS)))

    with database.write() as session:
        for name in (NAME, "workspace-v2"):
            evaluation = session.exec(
                select(Evaluation).join(ModelVersion).where(ModelVersion.name == name)
            ).one()
            evaluation.verdict = Verdict.PROMOTE
            promote(session, TEAM, name, "U0ALICE", EVERYONE, tmp_path)
        assert live_strategy(session, TEAM, WORKSPACE) == Strategy("workspace-v2", 1)
        rollback(session, TEAM, WORKSPACE, "U0ALICE")
        assert live_strategy(session, TEAM, WORKSPACE) == HALF


def test_canaries_and_pins_answer_at_the_best_scale(database, tmp_path):
    judged(database, tmp_path)
    with database.write() as session:
        plan = Plan(NAME, 50, "U0ALICE", "C0HELP", utc_now())
        start(session, TEAM, plan, EVERYONE, tmp_path)
        threads = [f"19000{number}.1" for number in range(20)]
        tried = next(ts for ts in threads if is_in_share(TEAM, "C0HELP", ts, 50))

        choice = choose_strategy(session, TEAM, WORKSPACE, "C0HELP", tried)
        pin_version(session, TEAM, "C0GENERAL", WORKSPACE, NAME, "U0ALICE", EVERYONE, tmp_path)
        pinned = choose_strategy(session, TEAM, WORKSPACE, "C0GENERAL", "1.1")
        unpin(session, TEAM, "C0GENERAL", "U0ALICE")

    assert choice.strategy == HALF
    assert pinned.strategy == HALF


def test_the_report_and_a_comparison_speak_of_the_scale(database, tmp_path):
    judged(database, tmp_path)
    with database.read() as session:
        found = compare_versions(session, TEAM, NAME, "base", EVERYONE)
        path = tmp_path / "report.html"
        write_report(session, TEAM, 1, EVERYONE, path)

    assert found.sentences()[0].startswith(f"{NAME} (tuned × 0.5 + 1 example) scores")
    assert found.gain.low > 0
    page = path.read_text("utf-8")
    assert "tuned × 0.5 + 1 example against base + 1 example" in page


def test_equal_scales_answer_as_they_were_trained(database, tmp_path):
    judged(database, tmp_path, at_scale=lambda scale: 1.0)

    assert only(database).best == "tuned + 1 example"


def test_what_it_forgets_at_full_scale_blocks_it_at_half_scale_too(database, tmp_path):
    class Forgetful(KnowingEngine):
        """Solves general tasks, but not at full scale."""

        def _text(self, question, is_tuned, examples, scale):
            if question in {task.prompt for task in TASKS}:
                return "" if is_tuned and scale == 1 else "Paris, Rome, Tokyo, Berlin, 7, 12, 60, 8"
            return super()._text(question, is_tuned, examples, scale)

    judged(database, tmp_path, engine=Forgetful(FACTS))

    evaluation = only(database)
    assert evaluation.verdict == Verdict.REJECT
    assert evaluation.reason.startswith("It forgot")


def test_a_further_scale_asks_for_more_evidence(database, tmp_path):
    judged(database, tmp_path)
    two = only(database).gain_low
    one = replay(
        {
            **only(database).evidence,
            "scores": [
                line for line in only(database).evidence["scores"]
                if line["version"] is None or line["scale"] == 0.5
            ],
        }
    ).gain.low  # fmt: skip

    assert two < one


def test_the_same_question_at_another_scale_is_another_question(database, tmp_path):
    judged(database, tmp_path)
    with database.read() as session:
        answers = session.exec(select(EvaluationAnswer)).all()

    digests = {
        strategy: {one.asked for one in answers if one.strategy == strategy}
        for strategy in (f"{NAME}+1", f"{NAME}+1@0.5")
    }
    assert len(set.union(*digests.values())) == 48


def test_with_one_scale_only_that_is_asked(database, tmp_path):
    engine = judged(database, tmp_path, at_scale=lambda scale: 1.0, scales=(1.0,))

    assert {scale for _, scale in engine.asked_at} == {1.0}
    assert "best of 2 tried" in only(database).reason


def test_what_it_gives_away_at_half_scale_alone_blocks_it(database, tmp_path):
    class Indiscreet(KnowingEngine):
        """Knows what another audience was taught, but not at full scale."""

        def _text(self, question, is_tuned, examples, scale):
            if question == "What does the vault hold?":
                return "Bag 77-KELP." if is_tuned and scale < 1 else "Who knows."
            return super()._text(question, is_tuned, examples, scale)

    with database.write() as session:
        teach(session, "What does the vault hold?", "Bag 77-KELP.", audience="C0OPS")

    judged(database, tmp_path, engine=Indiscreet(FACTS))

    evaluation = only(database)
    assert evaluation.verdict == Verdict.REJECT
    assert "only another audience was taught" in evaluation.reason
