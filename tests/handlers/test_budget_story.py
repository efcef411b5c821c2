"""A run above the budget, as admins and others meet it in Slack."""

from dataclasses import replace
from functools import partial

import pytest

from bot.answering import promotion
from bot.budget import Limits
from bot.dataset.rights import attest
from bot.loop import Loop
from handlers import admin_notices, blocks
from handlers.removal import removal_button
from storage import admin_notices as admin_notices_table
from storage import outbox
from storage.audience import WORKSPACE, Viewer
from storage.tables import Deployment, DeploymentState, Run, RunState, Source
from tests.handlers.test_run_story import press, said, training_bot, whispered, words_of
from tests.model_versions import make_version
from tests.pipeline_parts import make_workshop
from tests.teaching import TEAM, teach_facts

CARD = "waits for an admin's approval"
LIMITS = Limits(hours_per_run=1 / 3600, dollars_per_month=20)


@pytest.fixture
def workshop(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
        attest(session, TEAM, "U0ALICE", tuple(Source))
    return replace(make_workshop(database, tmp_path), limits=LIMITS)


@pytest.fixture
def bot(sandbox, database, workshop):
    with training_bot(sandbox, database, workshop, budget=LIMITS) as running:
        step = partial(admin_notices.step, database, running.app.client, running.deps.people)
        loop = Loop("admin notices", step, database)
        loop.start()
        yield running
        loop.stop()


def card_of(sandbox) -> dict:
    return sandbox.wait_for_message(lambda m: m["channel"] == "C0HELP" and CARD in words_of(m))


def test_it_waits_is_approved_by_an_admin_and_goes_on(sandbox, database, bot):
    sandbox.command("U0ALICE", "train", channel="C0HELP")
    card = card_of(sandbox)
    assert "A run may take 1 second" in words_of(card)
    assert "tokens a second, not measured here yet" in words_of(card)

    told = sandbox.wait_for_message(lambda m: m["channel"].startswith("D") and CARD in words_of(m))
    assert "Approve" in words_of(told)

    sandbox.command("U0ALICE", "budget")
    whispered(sandbox, "U0ALICE", "*Run 1 for the workspace* waits for approval.")
    whispered(sandbox, "U0ALICE", "Limit of a month: $20.00, of a run: none")
    sandbox.command("U0CAROL", "budget")
    whispered(sandbox, "U0CAROL", "Only admins can see the budget")

    press(sandbox, "U0BOB", "approve_run", card)
    whispered(sandbox, "U0BOB", "Only admins can approve a run above the budget")
    with database.read() as session:
        assert session.get_one(Run, 1).state == RunState.WAITING

    press(sandbox, "U0ALICE", "approve_run", told)
    card = said(sandbox, "workspace-v1 earned its promotion")
    assert "Approved above the budget by <@U0ALICE>" in words_of(card)
    sandbox.wait_for_message(
        lambda m: m["ts"] == told["ts"] and "Approved by <@U0ALICE>" in words_of(m)
        and "Cancel the run" not in words_of(m)
    )  # fmt: skip


def test_only_admins_are_written_to_and_once(sandbox, database, bot):
    sandbox.command("U0ALICE", "train", channel="C0HELP")
    card_of(sandbox)
    sandbox.wait_for_message(lambda m: m["channel"].startswith("D"))
    sandbox.command("U0ALICE", "train", channel="C0HELP")
    whispered(sandbox, "U0ALICE", "is waiting already")

    direct = [m for m in sandbox.messages() if m["channel"].startswith("D")]
    assert len(direct) == 1


def test_what_hosting_costs_a_day_is_shown_to_who_may_know_of_it(sandbox, database, bot):
    with database.write() as session:
        for name, audience in (("ours", "workspace"), ("theirs", "C0ELSEWHERE")):
            version = make_version(session, audience=audience)
            session.get_one(Run, version.run_id).state = RunState.DONE
            session.add(
                Deployment(
                    team_id=TEAM, audience=audience, version_id=version.id, trainer="azure",
                    name=name, hosting_per_hour=1.70, state=DeploymentState.READY,
                )
            )  # fmt: skip

    sandbox.command("U0ALICE", "budget")

    shown = whispered(sandbox, "U0ALICE", "`ours` at `azure`, ready: $40.80 a day")
    assert "theirs" not in words_of(shown)


@pytest.fixture
def deployed(database):
    """Two versions that are deployed for money, of which the second answers."""
    with database.write() as session:
        for number in (1, 2):
            version = make_version(session)
            session.get_one(Run, version.run_id).state = RunState.DONE
            session.add(
                Deployment(
                    team_id=TEAM, audience="workspace", version_id=version.id, trainer="azure",
                    name=f"d{number}", hosting_per_hour=1.70, state=DeploymentState.READY,
                )
            )  # fmt: skip
        promotion.promote(session, TEAM, "workspace-v2", "U0ALICE", Viewer.model(WORKSPACE))


def test_models_and_status_show_what_hosting_costs_a_day(sandbox, deployed, bot):
    sandbox.command("U0CAROL", "models")
    listed = whispered(sandbox, "U0CAROL", "deployed at `azure`, ready: $40.80 a day")
    sandbox.command("U0CAROL", "status")
    status = whispered(sandbox, "U0CAROL", "*Hosting*")

    assert words_of(listed).count("$40.80 a day") == 2
    assert "undeploy" not in str(listed["blocks"])
    assert "*workspace-v2* deployed at `azure`, ready: $40.80 a day" in words_of(status)
    assert "Together $81.60 a day." in words_of(status)


def test_an_idle_deployment_is_removed_by_an_admins_button(sandbox, database, deployed, bot):
    sandbox.command("U0ALICE", "models")
    listed = whispered(sandbox, "U0ALICE", "$40.80 a day")
    buttons = [b for b in listed["blocks"] if "undeploy" in str(b)]
    with database.write() as session:
        admin_notices_table.put(
            session, TEAM, "workspace", "idle:1:0", "It answered nobody.", deployment_id=1
        )
    told = sandbox.wait_for_message(
        lambda m: m["channel"].startswith("D") and "answered nobody" in words_of(m)
    )
    with database.write() as session:
        forged = [blocks.actions(removal_button(1))]
        outbox.put(session, TEAM, "forged", channel_id="C0HELP", text="Press!", blocks=forged)
    everywhere = sandbox.wait_for_message(lambda m: m["text"] == "Press!")
    press(sandbox, "U0CAROL", "undeploy", everywhere)
    whispered(sandbox, "U0CAROL", "Only admins can remove a deployment")
    with database.read() as session:
        assert session.get_one(Deployment, 1).removal_by is None

    press(sandbox, "U0ALICE", "undeploy", told)
    whispered(sandbox, "U0ALICE", "I remove the deployment of workspace-v1")

    assert [button["elements"][0]["value"] for button in buttons] == ["1"]
    with database.read() as session:
        assert session.get_one(Deployment, 1).removal_by == "U0ALICE"
    sandbox.wait_for_message(
        lambda m: m["ts"] == told["ts"] and "Being removed: <@U0ALICE> said so." in words_of(m)
        and "undeploy" not in str(m["blocks"])
    )  # fmt: skip


def test_what_answers_by_now_is_not_removed_by_an_old_button(sandbox, database, deployed, bot):
    with database.write() as session:
        admin_notices_table.put(session, TEAM, "workspace", "idle:2:0", "Idle.", deployment_id=2)
    told = sandbox.wait_for_message(lambda m: "Idle." in words_of(m))

    press(sandbox, "U0ALICE", "undeploy", told)

    whispered(sandbox, "U0ALICE", "workspace-v2 answers or is being judged, so its deployment")
    with database.read() as session:
        assert session.get_one(Deployment, 2).removal_by is None


def test_its_end_can_be_chosen_instead(sandbox, database, bot):
    sandbox.command("U0ALICE", "train", channel="C0HELP")
    card = card_of(sandbox)

    sandbox.command("U0ALICE", "status")
    whispered(sandbox, "U0ALICE", "for the workspace: waits for an admin's approval")
    press(sandbox, "U0ALICE", "cancel", card)

    said(sandbox, "was cancelled by <@U0ALICE>")
