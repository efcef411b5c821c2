"""What is live, trained elsewhere on the same snapshot, judged against it, promoted by the gate."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from bot.answering import promotion
from bot.answering.strategy import live_strategy
from bot.dataset.moving import queue_move
from bot.dataset.rights import attest
from bot.errors import CannotMoveError, NotEarnedError
from bot.pipeline import Workshop
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import (
    Evaluation,
    ModelVersion,
    Run,
    RunState,
    SnapshotRow,
    Source,
    Sunset,
    Verdict,
)
from tests.answering_bot import answering_bot
from tests.pipeline_parts import ask_for_run, make_workshop, work_until_done
from tests.running_sandbox import running_sandbox
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, fresh_database, teach, teach_facts


@pytest.fixture
def database(tmp_path: Path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session)
    yield database
    database.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> ScriptedTrainer:
    return ScriptedTrainer(tmp_path / "elsewhere")


@pytest.fixture
def workshop(database: Database, tmp_path: Path, elsewhere: ScriptedTrainer) -> Workshop:
    made = make_workshop(database, tmp_path)
    made = replace(made, trainers={**made.trainers, "openai": elsewhere})
    work_until_done(made)
    return made


@pytest.fixture
def live(database: Database, workshop: Workshop) -> None:
    with database.write() as session:
        promotion.promote(session, TEAM, "workspace-v1", "U0ALICE", Viewer.model(WORKSPACE))


def move(database: Database, audience: str = WORKSPACE, trainer: str = "openai") -> Run:
    with database.write() as session:
        return queue_move(session, TEAM, audience, trainer, "U0ALICE", "C0HELP")[0]


def test_the_same_snapshot_is_trained_elsewhere_and_judged_against_what_is_live(
    database, workshop, live, elsewhere
):
    with database.write() as session:
        teach(session, "Taught since?", "So it is not in the snapshot.")
        taken = session.exec(select(Run)).one().snapshot_id
    run = move(database)
    work_until_done(workshop)

    with database.read() as session:
        moved = session.get_one(Run, run.id)
        judged = session.exec(select(Evaluation).where(Evaluation.run_id == run.id)).one()
        speaking = live_strategy(session, TEAM, WORKSPACE).version_name
    assert (moved.state, moved.snapshot_id, moved.trainer) == (RunState.DONE, taken, "openai")
    assert moved.rights["by"] == "U0ALICE"
    assert elsewhere.starts == [f"run-{run.id}"]
    assert any(line["version"] == "workspace-v1" for line in judged.strategies)
    assert speaking == "workspace-v1", "nothing is promoted by itself"
    assert judged.verdict == "promote", "it beats prompting, and is no worse than what is live"
    with database.write() as session:
        promotion.promote(session, TEAM, "workspace-v2", "U0ALICE", Viewer.model(WORKSPACE))
        judged = session.get_one(Evaluation, judged.id)
        judged.verdict = Verdict.REJECT
        promotion.rollback(session, TEAM, WORKSPACE, "U0ALICE")
        with pytest.raises(NotEarnedError):
            promotion.promote(session, TEAM, "workspace-v2", "U0ALICE", Viewer.model(WORKSPACE))


def test_what_its_provider_switched_off_is_not_asked_any_more(database, workshop, live):
    with database.write() as session:
        session.add(
            Sunset(team_id=TEAM, audience=WORKSPACE, trainer="local", model="m", ends="serving",
                   ends_on=workshop.now().date(), version="workspace-v1", source="x")
        )  # fmt: skip
    run = move(database)
    work_until_done(workshop)

    with database.read() as session:
        judged = session.exec(select(Evaluation).where(Evaluation.run_id == run.id)).one()
    assert [line["version"] for line in judged.strategies if line["version"]] == [
        "workspace-v2", "workspace-v2",
    ]  # fmt: skip


def test_nothing_live_is_nothing_to_move(database, workshop):
    with pytest.raises(CannotMoveError, match="nothing to move"):
        move(database)


def test_a_channel_that_answers_with_the_workspaces_version_has_none_of_its_own(
    database, workshop, live
):
    with pytest.raises(CannotMoveError, match="nothing to move"):
        move(database, "C0OPS")


def test_two_who_move_it_in_the_same_moment_queue_one_run(database, workshop, live):
    run = move(database)

    with pytest.raises(CannotMoveError, match=f"Run {run.id} is queued already"):
        move(database)


def test_where_it_is_from_already_it_is_not_moved(database, workshop, live):
    with pytest.raises(CannotMoveError, match="is from `local` already"):
        move(database, trainer="local")


def test_what_was_erased_is_not_trained_on_again(database, workshop, live):
    with database.write() as session:
        row = session.exec(select(SnapshotRow)).first()
        row.erased, row.question, row.answer = True, "", ""
        session.add(row)

    with pytest.raises(CannotMoveError, match="was erased since"):
        move(database)


def test_a_right_that_was_withdrawn_holds_for_a_move_too(database, workshop, live):
    with database.write() as session:
        attest(session, TEAM, "U0ALICE", (Source.SLACK_MESSAGE,))

    with pytest.raises(CannotMoveError, match="authored, which nobody attests any more"):
        move(database)


def test_an_admin_moves_it_in_slack(database, workshop, live):
    with running_sandbox(no_limits=True) as sandbox:
        trainers = frozenset(workshop.trainers)
        with answering_bot(sandbox.api_url, database, workshop.engine, trainers=trainers):
            sandbox.wait_until_connected()
            for user, words in (
                ("U0BOB", "migrate openai"), ("U0ALICE", "migrate"),
                ("U0ALICE", "migrate abacus"), ("U0ALICE", "migrate openai"),
            ):  # fmt: skip
                sandbox.command(user, words, channel="C0HELP")
            sandbox.wait_for_message(lambda m: "judged against it" in m["text"])
            said = " ".join(m["text"] for m in sandbox.messages())

    assert "Only admins can move a version" in said
    assert "Name the trainer" in said
    assert "no such trainer here" in said
    with database.read() as session:
        run = session.exec(select(Run).order_by(Run.id.desc())).first()
        assert (run.trainer, run.origin) == ("openai", "migration")
        assert len(session.exec(select(ModelVersion)).all()) == 1
