"""A model tuned at Azure, from the queue to the verdict, and what becomes of its deployment."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.answering import promotion
from bot.engines.openai_api import OpenAIApiEngine
from bot.engines.routed import RoutedEngine
from bot.pipeline import IdleRule, Workshop, adapters_to_serve, advance, keep_deployments
from bot.pipeline.idle import judge_use
from bot.pipeline.pruning import Stock, carry_out, plan
from bot.training.by_hand import ByHand
from bot.training.provider import azure_provider
from storage import runs
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.spending import spent_in_month
from storage.tables import (
    AdminNotice,
    Deployment,
    DeploymentState,
    ModelVersion,
    Run,
    RunState,
    VersionState,
)
from tests.azure_account import ACCOUNT, azure_account
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.pipeline_parts import BASE, FACTS, KilledError, ask_for_run, only
from tests.running_trainer import KEY, running_trainer, trainer_at
from tests.teaching import TEAM, fresh_database, teach_facts

QUESTION = next(iter(FACTS))
SAID_WHEN_KILLED = [
    "deployment asked", "deployment looked for", "deployment made", "deployment ready",
    "deployment used",
]  # fmt: skip


@pytest.fixture
def service(tmp_path):
    engine = KnowingEngine(FACTS, tuning_pays)
    with running_trainer(tmp_path / "service", engine=engine) as running:
        yield running


@pytest.fixture
def account(service):
    with azure_account(service.base_url) as running:
        yield running


@pytest.fixture
def database(tmp_path) -> Database:
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session, trainer="azure")
    return database


class Bot:
    """One life of the bot; ``later`` moves its clock."""

    def __init__(self, service, account, database, home, *, deployer=None, die_at="", idle=None):
        def die(name: str) -> None:
            if name == die_at:
                raise KilledError

        self.later = timedelta(0)
        provider = azure_provider(KEY, account.endpoint, "tiny-base")
        deployer = deployer or account.deployer()
        service.close_at_end(deployer.stop)
        remote = OpenAIApiEngine(f"{account.url}/openai/v1", KEY)
        service.close_at_end(remote.stop)
        self.workshop = Workshop(
            database=database,
            home=home,
            trainers={"azure": trainer_at(service, provider=provider, deployer=deployer)},
            engine=RoutedEngine(KnowingEngine(FACTS, tuning_pays), {"azure": remote}),
            base=BASE,
            deployers={"azure": deployer},
            idle=idle or IdleRule(7, False),
            checkpoint=die,
            draw=lambda *_: [],
            now=lambda: utc_now() + self.later,
        )

    def knock(self, minutes: float = 1.0) -> None:
        while advance(self.workshop):
            """It comes round more often than deployments are looked after."""
        keep_deployments(self.workshop)
        self.later += timedelta(minutes=minutes)

    def work_until(self, *states: RunState, knocks: int = 300) -> Run:
        for _ in range(knocks):
            self.knock()
            run = only(self.workshop.database, Run)
            if run.state in (states or (RunState.DONE, RunState.FAILED)):
                return run
        raise AssertionError(f"The run is still {run.state} ({run.progress}).")

    def answer(self) -> str:
        self.workshop.engine.switch(adapters_to_serve(self.workshop))
        messages = [{"role": "user", "content": QUESTION}]
        return self.workshop.engine.complete(messages, adapter="workspace-v1").text

    def promote(self) -> None:
        with self.workshop.database.write() as session:
            promotion.promote(session, TEAM, "workspace-v1", "U0ALICE", Viewer.model(WORKSPACE))


def notices(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.exec(select(AdminNotice.text)))


def test_what_was_tuned_is_deployed_judged_and_answers_by_its_deployments_name(
    service, account, database, tmp_path
):
    bot = Bot(service, account, database, tmp_path)

    run = bot.work_until()
    bot.promote()

    version, deployment = only(database, ModelVersion), only(database, Deployment)
    (job,) = account.jobs
    assert job["trainingType"] == "GlobalStandard"
    assert run.record["trained_tokens"] > 0
    assert run.record["sent_sha256"]
    assert (run.state, run.error) == (RunState.DONE, None)
    assert account.created == [deployment.name]
    assert deployment.state is DeploymentState.READY
    assert deployment.name != version.remote_id
    assert deployment.hosting_per_hour == pytest.approx(1.70)
    assert bot.answer()


@pytest.mark.parametrize("checkpoint", SAID_WHEN_KILLED)
def test_a_crash_deploys_nothing_twice(service, account, database, tmp_path, checkpoint):
    with pytest.raises(KilledError):
        Bot(service, account, database, tmp_path, die_at=checkpoint).work_until()

    run = Bot(service, account, database, tmp_path).work_until()

    assert (run.state, run.error) == (RunState.DONE, None)
    assert account.created == [only(database, Deployment).name]


def test_a_run_waits_until_somebody_deploys_by_hand_and_says_how(
    service, account, database, tmp_path
):
    provider = azure_provider(KEY, account.url)
    bot = Bot(service, account, database, tmp_path, deployer=ByHand(provider))

    bot.work_until(RunState.DEPLOYING)
    for _ in range(4):
        bot.knock()
    waiting = only(database, Run)
    name, model = only(database, Deployment).name, only(database, ModelVersion).remote_id
    maker = account.deployer()
    maker.create(name, model)
    maker.stop()
    run = bot.work_until()

    assert waiting.state is RunState.DEPLOYING
    assert name in waiting.progress["waits"]
    assert any(name in text for text in notices(database))
    assert (run.state, run.error) == (RunState.DONE, None)


def test_a_run_waits_for_quota_and_an_admin_is_told_once(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path)
    bot.work_until(RunState.DEPLOYING)
    for _ in range(6):
        account.faults.append((404, {"error": {"code": "ResourceNotFound", "message": ""}}, {}))
        account.refuse(400, "InsufficientQuota", "none left")
        bot.knock(minutes=3)
    account.faults.clear()

    said = [text for text in notices(database) if "quota" in text]
    assert len(said) == 1
    assert bot.work_until().state is RunState.DONE


def test_what_azure_deleted_for_want_of_questions_is_deployed_again(
    service, account, database, tmp_path
):
    bot = Bot(service, account, database, tmp_path)
    bot.work_until()
    bot.promote()
    account.deployments.clear()

    for _ in range(6):
        bot.knock(minutes=24 * 60 + 1)

    assert len(account.created) == 2
    assert len(set(account.created)) == 1
    assert bot.answer()


def test_an_idle_one_is_reported_with_its_cost_and_stays(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path)
    bot.work_until()

    for _ in range(10):
        bot.knock(minutes=24 * 60)

    said = [text for text in notices(database) if "answered nobody" in text]
    assert len(said) == 1
    assert "$40.80 a day" in said[0]
    assert account.removed == []
    ready = only(database, Deployment).ready_at.replace(day=10)
    with database.write() as session:
        session.exec(select(Deployment)).one().ready_at = ready
    with database.read() as session:
        before = spent_in_month(session, TEAM, ready).dollars
        hour_later = spent_in_month(session, TEAM, ready + timedelta(hours=1)).dollars
    assert hour_later - before == pytest.approx(1.70)


def test_an_idle_one_is_removed_where_that_is_allowed(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path, idle=IdleRule(7, True))
    bot.work_until()

    for _ in range(12):
        bot.knock(minutes=24 * 60)

    assert account.removed == account.created
    assert only(database, Deployment).state is DeploymentState.ENDED
    assert any("I removed the deployment" in text for text in notices(database))


def test_what_answers_is_never_idle(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path, idle=IdleRule(7, True))
    bot.work_until()
    bot.promote()

    for _ in range(12):
        bot.knock(minutes=24 * 60)

    assert account.removed == []
    assert bot.answer()


def test_what_is_promoted_while_it_is_found_to_be_idle_stays(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path, idle=IdleRule(7, True))
    bot.work_until()
    bot.knock()
    found = only(database, Deployment)
    bot.promote()
    bot.later += timedelta(days=30)

    judge_use(bot.workshop, found, is_automatic=True)

    assert only(database, Deployment).removal_by is None


def test_an_idle_one_that_a_person_deployed_is_theirs_to_remove(
    service, account, database, tmp_path
):
    bot = Bot(service, account, database, tmp_path, idle=IdleRule(7, True))
    bot.work_until()
    bot.knock()
    bot.later += timedelta(days=30)

    judge_use(bot.workshop, only(database, Deployment), is_automatic=False)

    assert only(database, Deployment).removal_by is None
    assert any("in Azure's portal if nobody needs it" in text for text in notices(database))


@pytest.mark.parametrize("change", [{"hosting_per_hour": 0.0}, {"removal_by": "U0ALICE"}])
def test_what_costs_nothing_or_is_being_removed_is_not_reported(
    service, account, database, tmp_path, change
):
    bot = Bot(service, account, database, tmp_path)
    bot.work_until()
    bot.knock()
    bot.later += timedelta(days=30)
    with database.write() as session:
        row = session.exec(select(Deployment)).one()
        for name, value in change.items():
            setattr(row, name, value)

    judge_use(bot.workshop, only(database, Deployment), is_automatic=True)

    assert not any("answered nobody" in text for text in notices(database))


def test_erasing_a_run_removes_its_deployment(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path)
    run = bot.work_until()

    bot.workshop.trainers["azure"].erase(run.job_id)

    assert account.removed == account.created


def test_prune_shows_the_deployments_of_what_goes_and_has_them_removed(
    service, account, database, tmp_path
):
    bot = Bot(service, account, database, tmp_path)
    bot.work_until()
    stock = Stock(database, tmp_path, TEAM, Viewer.model(WORKSPACE))
    # Idle by now, but its version waits for a decision.
    kept = plan(stock).deployments
    with database.write() as session:
        session.exec(select(ModelVersion)).one().state = VersionState.RETIRED

    planned = plan(stock)
    shown = [row.name for row in planned.deployments]
    removed_before = list(account.removed)
    carry_out(stock, planned, "operator")
    bot.knock()
    bot.knock()

    assert (kept, shown, removed_before) == ([], account.created, [])
    assert account.removed == account.created
    assert only(database, Deployment).state is DeploymentState.ENDED
    assert not plan(stock).deployments


def test_the_developer_tier_costs_nothing_and_says_when_it_ends(account):
    deployer = account.deployer(replace(ACCOUNT, tier="developer"))
    deployer.create("one", "m")
    deployer.stop()

    assert account.deployments["one"]["body"]["sku"]["name"] == "developertier"
    assert deployer.hosting_per_hour == 0
    assert "24 hours" in deployer.lifetime_words


def test_runs_that_wait_for_a_deployment_are_open(service, account, database, tmp_path):
    bot = Bot(service, account, database, tmp_path)
    bot.work_until(RunState.DEPLOYING)

    with database.read() as session:
        assert runs.due(session, utc_now() + timedelta(days=1))
