"""From ``/apprentice train`` to promotion and rollback, as people in Slack see it."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot.dataset.rights import attest
from bot.evaluation.parity import Parity
from bot.evaluation.pictures import draw_pictures
from bot.loop import Loop
from bot.pipeline import Workshop, advance
from handlers import files
from handlers.run_cards import RunCards
from storage import outbox, runs, versions
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import (
    Attestation,
    OutboxKind,
    OutboxMessage,
    OutboxState,
    Run,
    RunState,
    Source,
)
from tests.answering_bot import AnsweringBot, answering_bot
from tests.knowing_engine import KnowingEngine, prompting_is_enough
from tests.pipeline_parts import FACTS, make_workshop
from tests.running_sandbox import RunningSandbox
from tests.scripted_trainer import ScriptedTrainer
from tests.teaching import TEAM, teach, teach_facts

OPS = "C0OPS"
#: Far longer than it takes; the machine may be doing anything else.
PATIENCE_SECONDS = 120.0


@contextlib.contextmanager
def training_bot(
    sandbox: RunningSandbox, database: Database, workshop: Workshop, **options: Any
) -> Iterator[AnsweringBot]:
    """The bot with its run cards, and a pipeline that ticks as soon as anything changes."""
    cards = RunCards(database, pause_seconds=0.0)
    loops = [
        Loop("cards", cards.step, database),
        Loop("pipeline", partial(advance, workshop), database),
    ]
    options = {"home": workshop.home} | options
    with answering_bot(sandbox.api_url, database, workshop.engine, **options) as bot:
        loops.append(Loop("files", partial(files.step, bot.deps, sandbox.client()), database))
        sandbox.wait_until_connected()
        for loop in loops:
            loop.start()
        try:
            yield bot
        finally:
            workshop.is_stopping.set()
            for loop in loops:
                loop.stop()


@pytest.fixture
def workshop(database: Database, tmp_path: Path) -> Workshop:
    return make_workshop(database, tmp_path, draw=draw_pictures)


def words_of(message: dict) -> str:
    """Everything a person can read in a message."""

    def texts(part):
        if isinstance(part, dict):
            for key, value in part.items():
                if key in ("text", "alt_text") and isinstance(value, str):
                    yield value
                else:
                    yield from texts(value)
        elif isinstance(part, list):
            for each in part:
                yield from texts(each)

    return " | ".join([message["text"], *texts(message["blocks"])])


def said(sandbox: RunningSandbox, words: str, timeout: float = PATIENCE_SECONDS) -> dict:
    return sandbox.wait_for_message(lambda message: words in words_of(message), timeout)


def whispered(sandbox: RunningSandbox, user: str, words: str) -> dict:
    return sandbox.wait_for_message(
        lambda m: m["ephemeral_to"] == user and words in words_of(m), PATIENCE_SECONDS
    )


def allow(database: Database) -> None:
    with database.write() as session:
        attest(session, TEAM, "U0ALICE", tuple(Source))


def press(sandbox: RunningSandbox, user: str, action_id: str, message: dict) -> None:
    sandbox.action(user, action_id, channel=message["channel"], message_ts=message["ts"])


def test_from_the_first_train_to_promotion_and_back(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 12, source=Source.SLACK_MESSAGE)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train")
        form = sandbox.wait_for(lambda s: s["views"])[0]
        assert "hold" in str(form["blocks"])
        assert database_runs(database) == []

        sandbox.action("U0ALICE", "attest", view_id=form["id"])
        card = said(sandbox, "workspace-v1 earned its promotion")

        assert "12 from Slack messages, attested by <@U0ALICE>" in words_of(card)
        assert [b["type"] for b in card["blocks"]].count("image") == 2
        assert "tuned + 1 example" in words_of(card)
        assert cards_in(sandbox) == 1

        press(sandbox, "U0ALICE", "promote", card)
        said(sandbox, "Promoted by <@U0ALICE>")
        sandbox.command("U0CAROL", "models")
        whispered(sandbox, "U0CAROL", "🟢 *live*")
        sandbox.command("U0ALICE", "promote workspace-v1")
        whispered(sandbox, "U0ALICE", "workspace-v1 is live already")

        sandbox.command("U0ALICE", "rollback")
        whispered(sandbox, "U0ALICE", "the base model with your examples")
        said(sandbox, "Was live: promoted by <@U0ALICE>")
        sandbox.command("U0ALICE", "rollback")
        whispered(sandbox, "U0ALICE", "Nothing to roll back")
        assert cards_in(sandbox) == 1


def database_runs(database: Database) -> list[Run]:
    with database.read() as session:
        return list(session.exec(select(Run)))


def cards_in(sandbox: RunningSandbox) -> int:
    return sum("Run 1" in words_of(m) and not m["ephemeral_to"] for m in sandbox.messages())


def test_what_nobody_can_prove_goes_live_on_an_admins_word_alone_and_the_card_names_them(
    sandbox, database, workshop, monkeypatch
):
    monkeypatch.setattr(
        "bot.pipeline.probing.parity_of", lambda *_: Parity(unproven="nobody says.")
    )
    with database.write() as session:
        teach_facts(session, 12)
    allow(database)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "workspace-v1 answers better, but parity is not proven")

        for words in ("promote workspace-v1", "canary workspace-v1 20%"):
            sandbox.command("U0ALICE", words)
        refused = "Nobody can prove that workspace-v1 is served as it was trained: nobody says."
        sandbox.wait_for(
            lambda s: sum(refused in words_of(m) for m in s["messages"] if m["ephemeral_to"]) == 2
        )
        assert "Promote unproven" in words_of(card)
        press(sandbox, "U0ALICE", "promote", card)

        said(sandbox, "without a proof of parity as <@U0ALICE> decided")
        sandbox.command("U0ALICE", "rollback")
        whispered(sandbox, "U0ALICE", "the base model with your examples")
        sandbox.command("U0ALICE", "promote workspace-v1 unproven")
        whispered(sandbox, "U0ALICE", "*workspace-v1* answers from now on")


def test_nothing_ticked_is_no_attestation(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 12)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train")
        form = sandbox.wait_for(lambda s: s["views"])[0]

        sandbox.action("U0ALICE", "attest_sources", value=[], view_id=form["id"])
        sandbox.action("U0ALICE", "attest", view_id=form["id"])
        sandbox.wait_for(lambda s: "Tick at least one source" in str(s["views"]))

    with database.read() as session:
        assert session.exec(select(Attestation)).all() == []
    assert database_runs(database) == []


def test_only_admins_train_promote_hold_cancel_and_roll_back(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 12)
    allow(database)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "earned its promotion")
        for words in ("train", "promote workspace-v1", "rollback"):
            sandbox.command("U0CAROL", words)
        for action in ("promote", "hold"):
            press(sandbox, "U0CAROL", action, card)
        sandbox.wait_for(
            lambda s: sum("Only admins can" in m["text"] for m in s["messages"]) == 5,
            PATIENCE_SECONDS,
        )

    with database.read() as session:
        assert versions.live(session, TEAM, WORKSPACE) is None


def test_an_unearned_promotion_is_refused_with_the_reason(sandbox, database, tmp_path):
    engine = KnowingEngine(FACTS, prompting_is_enough)
    with database.write() as session:
        teach_facts(session, 12)
    allow(database)
    with training_bot(sandbox, database, make_workshop(database, tmp_path, engine=engine)):
        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "prompting alone is as good")
        press(sandbox, "U0ALICE", "promote", card)

        whispered(sandbox, "U0ALICE", "did not earn it. Prompting is as good, and cheaper")
        press(sandbox, "U0ALICE", "hold", card)
        said(sandbox, "*Held* by <@U0ALICE>")


def test_too_few_examples_are_counted(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 3)
    allow(database)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train")

        whispered(sandbox, "U0ALICE", "There are 3 approved examples to train on, at least 8")
    assert database_runs(database) == []


def test_an_open_run_is_linked_and_can_be_cancelled_from_its_card(sandbox, database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    allow(database)
    endless = ScriptedTrainer(tmp_path / "jobs", total_steps=10_000, steps_a_look=1)
    with training_bot(sandbox, database, make_workshop(database, tmp_path, trainer=endless)):
        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "loss")
        sandbox.command("U0ALICE", "train")
        whispered(sandbox, "U0ALICE", "|Run 1> is training already")
        sandbox.command("U0BOB", "status")
        whispered(sandbox, "U0BOB", "|Run 1> for the workspace: training")

        press(sandbox, "U0ALICE", "cancel", card)
        said(sandbox, "was cancelled by <@U0ALICE>")

    assert [run.state for run in database_runs(database)] == [RunState.CANCELLED]


def test_an_unknown_trainer_is_refused_at_once(sandbox, database, workshop):
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train abacus")

        whispered(sandbox, "U0ALICE", "no such trainer here. This installation has `local`")


def test_nothing_is_trained_where_outsiders_would_see_it(sandbox, database, workshop):
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train", channel="C0PARTNER")

        whispered(sandbox, "U0ALICE", "people from outside are")


def test_a_private_channels_run_and_version_show_to_its_members_only(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 10)
        teach(session, "Which port does the vault use?", "8200.", audience=OPS)
    allow(database)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train", channel=OPS)
        card = said(sandbox, "c0ops-v1 earned its promotion")
        for user in ("U0BOB", "U0CAROL"):
            sandbox.command(user, "models")
            sandbox.command(user, "status")
        whispered(sandbox, "U0BOB", "*c0ops-v1* for <#C0OPS>")
        whispered(sandbox, "U0BOB", "11 approved")
        whispered(sandbox, "U0CAROL", "no model version here yet")
        whispered(sandbox, "U0CAROL", "10 approved")
        press(sandbox, "U0BOB", "report", card)
        whispered(sandbox, "U0BOB", "It comes to you as a direct message")
        sent = sandbox.wait_for(lambda s: [f for f in s["files"] if "run" in f["name"]])
        with database.write() as session:
            run_id = session.exec(select(Run.id)).one()
            row = outbox.put(
                session, TEAM, "file:forged", channel_id="U0CAROL", user_id="U0CAROL", text="x",
                kind=OutboxKind.FILE, uploads=[{"subject": files.REPORT, "run": run_id}],
            ).id  # fmt: skip
        sandbox.wait_for(lambda _: state_of(database, row) is OutboxState.FAILED)

    assert [file["name"] for file in sent] == [f"apprentice-run-{run_id}.html"]
    assert "There is no run" in state_error(database, row)
    assert not list((workshop.home / "exports").glob("*"))
    assert card["channel"] == OPS
    assert not any("c0ops" in words_of(m).lower() for m in sandbox.ephemerals("U0CAROL"))


def test_people_compare_answers_without_knowing_whose_they_are(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 12)
    allow(database)
    with training_bot(sandbox, database, workshop):
        sandbox.command("U0ALICE", "train")
        card = said(sandbox, "workspace-v1 earned its promotion")
        press(sandbox, "U0CAROL", "blind", card)
        view = sandbox.wait_for(lambda s: s["views"])[0]
        shown = str(view["blocks"])
        answered = sandbox.submit("U0CAROL", view["id"], {"choice": {"choice": "first"}})
        voted = said(sandbox, "1 vote by 1 person")

    assert "Answer A" in shown
    assert "Answer B" in shown
    assert "tuned" not in str(view).lower()
    assert "workspace-v1" not in str(view)
    assert "1 done" in str(answered) or "1 done" in str(sandbox.state()["views"])
    assert voted["ts"] == card["ts"]


def state_of(database: Database, row: int) -> OutboxState:
    with database.read() as session:
        return session.get_one(OutboxMessage, row).state


def state_error(database: Database, row: int) -> str:
    with database.read() as session:
        return session.get_one(OutboxMessage, row).error or ""


def test_a_failed_run_says_why_on_its_card(sandbox, database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    allow(database)
    broken = ScriptedTrainer(tmp_path / "jobs", fails_at=3, failure="The disk is <!channel> full.")
    with training_bot(sandbox, database, make_workshop(database, tmp_path, trainer=broken)):
        sandbox.command("U0ALICE", "train")

        card = said(sandbox, "The disk is")

    assert "&lt;!channel&gt;" in words_of(card)


def test_a_card_that_a_crash_left_old_is_brought_up_to_date(sandbox, database, workshop):
    with database.write() as session:
        teach_facts(session, 12)
        run = runs.enqueue(
            session, TEAM, WORKSPACE, trainer="local", requested_by="U0ALICE", channel_id="C0HELP"
        )
        run.state, run.error, run.ended_at = RunState.FAILED, "Power cut.", run.created_at
        session.add(run)

    with training_bot(sandbox, database, workshop):
        said(sandbox, "Power cut.")
