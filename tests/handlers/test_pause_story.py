"""Pausing a run and letting it go on, as people in Slack do it."""

import time

import pytest

from bot.dataset.rights import attest
from bot.training.trainer import JobStatus
from handlers.people import People
from storage import audit
from storage.audience import WORKSPACE, Viewer
from storage.tables import Run, RunState, Source
from tests.handlers.test_run_story import press, said, training_bot, whispered, words_of
from tests.pipeline_parts import make_workshop, only
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, teach_facts

STEP_SECONDS = 0.2


class Unhurried(ScriptedTrainer):
    """Leaves time for everything else on this machine."""

    def status(self, job_id: str) -> JobStatus:
        time.sleep(STEP_SECONDS)
        return super().status(job_id)


class Hasty(Unhurried):
    """Like AutoTrain: keeps no checkpoints."""

    can_pause = False


@pytest.fixture
def taught(database):
    with database.write() as session:
        teach_facts(session, 12)
        attest(session, TEAM, "U0ALICE", tuple(Source))
    return database


def endless(home, kind=Unhurried):
    return kind(home / "jobs", total_steps=100_000, steps_a_look=1)


def test_an_admin_pauses_and_resumes_from_the_card_and_by_word(sandbox, taught, tmp_path):
    workshop = make_workshop(taught, tmp_path, trainer=endless(tmp_path))
    with training_bot(sandbox, taught, workshop):
        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "loss")
        press(sandbox, "U0CAROL", "pause", card)
        whispered(sandbox, "U0CAROL", "Only admins can pause a run")
        sandbox.command("U0CAROL", "resume")
        whispered(sandbox, "U0CAROL", "Only admins can let a run go on")

        press(sandbox, "U0ALICE", "pause", card)
        rested = said(sandbox, "⏸ Paused by <@U0ALICE>")
        before = only(taught, Run).progress["done"]
        sandbox.command("U0BOB", "status")
        whispered(sandbox, "U0BOB", "paused by <@U0ALICE>, goes on with `/apprentice resume 1`")
        sandbox.command("U0ALICE", "pause")
        whispered(sandbox, "U0ALICE", "Run 1 is paused already")
        sandbox.command("U0ALICE", "train")
        whispered(sandbox, "U0ALICE", "|Run 1> is paused already")
        assert "Resume" in str(rested["blocks"])
        assert "100000" in words_of(rested)

        sandbox.command("U0ALICE", "resume 1")
        whispered(sandbox, "U0ALICE", "Run 1 goes on from where it was")
        sandbox.wait_for(lambda _: only(taught, Run).progress.get("done", 0) > before)
        sandbox.command("U0ALICE", "resume")
        whispered(sandbox, "U0ALICE", "Run 1 is not paused: it is training")
        sandbox.wait_for_message(lambda m: "'action_id': 'pause'" in str(m["blocks"]))

        press(sandbox, "U0ALICE", "pause", card)
        said(sandbox, "⏸ Paused by <@U0ALICE>")
        press(sandbox, "U0ALICE", "cancel", card)
        said(sandbox, "was cancelled by <@U0ALICE>")
        sandbox.command("U0ALICE", "pause 1")
        whispered(sandbox, "U0ALICE", "Run 1 is cancelled")

    assert only(taught, Run).state is RunState.CANCELLED
    with taught.read() as session:
        kept = [entry.action for entry in audit.entries(session, TEAM, Viewer.model(WORKSPACE))]
    assert kept.count("run.paused") == 2
    assert kept.count("run.resumed") == 1


def test_what_cannot_be_paused_is_said_in_a_sentence(sandbox, taught, tmp_path):
    workshop = make_workshop(taught, tmp_path, trainer=endless(tmp_path, Hasty))
    with training_bot(sandbox, taught, workshop):
        sandbox.command("U0ALICE", "pause")
        whispered(sandbox, "U0ALICE", "No run is open here.")
        for words in ("pause seven", "pause -1", "pause 1; drop table run"):
            sandbox.command("U0ALICE", words)
        whispered(sandbox, "U0ALICE", "Which run? Give its number")
        sandbox.command("U0ALICE", "pause 99")
        whispered(sandbox, "U0ALICE", "There is no such run")

        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "loss")
        sandbox.command("U0ALICE", "pause")
        whispered(sandbox, "U0ALICE", "Jobs of the trainer `local` cannot be paused")
        assert "Pause" not in str(card["blocks"])

    assert only(taught, Run).pause_requested_by is None


def test_nobody_pauses_a_private_channels_run_from_outside(sandbox, taught, tmp_path):
    workshop = make_workshop(taught, tmp_path, trainer=endless(tmp_path))
    people = People(sandbox.client(), admins=frozenset({"U0CAROL"}))
    with training_bot(sandbox, taught, workshop, people=people):
        sandbox.command("U0ALICE", "train", channel="C0OPS")
        sandbox.wait_for(lambda _: only(taught, Run).state is RunState.TRAINING)

        sandbox.command("U0CAROL", "pause 1")
        whispered(sandbox, "U0CAROL", "There is no such run")

    run = only(taught, Run)
    assert run.audience != WORKSPACE
    assert run.pause_requested_by is None
