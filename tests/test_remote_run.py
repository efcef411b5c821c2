"""A run whose model is trained and served elsewhere, from the queue to the verdict."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from bot.answering import canary, pins, promotion
from bot.answering.canary import Plan
from bot.answering.prompt import SYSTEM_PROMPT
from bot.engines.openai_api import OpenAIApiEngine
from bot.engines.routed import RoutedEngine
from bot.errors import UnprovenError
from bot.evaluation.canary import planted
from bot.evaluation.evidence import replay
from bot.pipeline import Workshop, adapters_to_serve
from bot.pipeline.rehearsal import rehearsal_rows
from bot.pipeline.training_rows import examples_for, training_rows, validation_rows
from storage import snapshots
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import AuditEntry, Evaluation, ModelVersion, Run, RunMetric, RunState, Snapshot
from tests.gifted_engine import Gifted
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.pipeline_parts import BASE, FACTS, KilledError, ask_for_run, only, work_until_done
from tests.running_trainer import KEY, RunningTrainer, running_trainer, trainer_at
from tests.scripted_tokens import write_seen
from tests.teaching import TEAM, fresh_database, teach_facts

VIEWER = Viewer.model(WORKSPACE)
CHECKPOINTS = [
    "run begun",
    "snapshot kept",
    "job started",
    "job kept",
    "job finished",
    "version made",
    "version kept",
    "candidate loaded",
]


@pytest.fixture
def service(tmp_path):
    engine = KnowingEngine(FACTS, tuning_pays)
    with running_trainer(tmp_path / "service", engine=engine) as running:
        yield running


@pytest.fixture
def database(tmp_path) -> Database:
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
        ask_for_run(session, trainer="openai")
    return database


def workshop_at(
    service: RunningTrainer,
    database: Database,
    home: Path,
    die_at: str = "",
    base: KnowingEngine | None = None,
) -> Workshop:
    def die(name: str) -> None:
        if name == die_at:
            raise KilledError

    remote = OpenAIApiEngine(service.base_url, KEY)
    service.close_at_end(remote.stop)
    return Workshop(
        database=database,
        home=home,
        trainers={"openai": trainer_at(service)},
        engine=RoutedEngine(base or KnowingEngine(FACTS, tuning_pays), {"openai": remote}),
        base=BASE,
        checkpoint=die,
        draw=lambda *_: [],
    )


def test_a_model_tuned_elsewhere_is_judged_promoted_and_served(service, database, tmp_path):
    workshop = workshop_at(service, database, tmp_path)

    work_until_done(workshop, steps=2000)
    with database.write() as session:
        promotion.promote(session, TEAM, "workspace-v1", "U0ALICE", Viewer.model(WORKSPACE))
    later = workshop_at(service, database, tmp_path)
    later.engine.switch(adapters_to_serve(later))
    question = next(iter(FACTS))
    answer = later.engine.complete([{"role": "user", "content": question}], adapter="workspace-v1")

    run, version = only(database, Run), only(database, ModelVersion)
    assert (run.state, run.error) == (RunState.DONE, None)
    evaluation = only(database, Evaluation)
    assert (evaluation.verdict, evaluation.evidence["findings"]["parity_proven"]) == (
        "promote",
        True,
    )
    assert (version.served_by, version.base_model) == ("openai", "tiny-base")
    assert version.remote_id.startswith("ft:tiny-base:team:run-1:")
    assert (version.gguf_path, version.adapter_path, version.checksum) == ("", "", "")
    assert run.hyperparameters["n_epochs"] >= 3
    assert answer.text
    with database.read() as session:
        steps = session.exec(select(RunMetric.step)).all()
    assert steps == [1, 2, 3, 4, 5, 6]


class OtherTemplate(KnowingEngine):
    """Reads two tokens more than were trained."""

    def count_tokens(self, messages):
        return super().count_tokens(messages) + 2


class OtherThoughts(KnowingEngine):
    """Begins its answers with something else than what was trained."""

    def beginning(self, messages, *, adapter, top):
        said = super().beginning(messages, adapter=adapter, top=top)
        return replace(said, top=[replace(token, id=token.id + 1) for token in said.top])


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (OtherTemplate, "Not served as it was trained: in row 1, "),
        (OtherThoughts, "the chances of the first word differ by inf nats"),
    ],
)
def test_a_server_that_answers_otherwise_than_it_trained_is_found_out(
    database, tmp_path, engine, words
):
    tuned = engine(FACTS, tuning_pays)
    with running_trainer(tmp_path / "service", engine=tuned) as service:
        work_until_done(workshop_at(service, database, tmp_path), steps=2000)

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == "reject"
    assert words in evaluation.reason


@pytest.fixture
def held(service, database, tmp_path, monkeypatch) -> Evaluation:
    """The verdict on a model of a provider that tells nothing of its tokens, as OpenAI."""
    monkeypatch.setattr("tests.scripted_trainer.write_seen", lambda folder, rows: None)
    work_until_done(workshop_at(service, database, tmp_path), steps=2000)
    return only(database, Evaluation)


def test_where_nothing_is_told_a_version_is_held_until_an_admin_takes_it_on_themselves(
    held, database
):
    def ask(**options):
        with database.write() as session:
            return promotion.promote(session, TEAM, "workspace-v1", "U0ALICE", VIEWER, **options)

    assert held.verdict == "hold"
    assert held.reason.startswith(
        "Not proven to be served as it was trained: `openai` does not say which tokens it trained "
        "on. Tuning pays: "
    )
    with pytest.raises(UnprovenError, match="workspace-v1 unproven`"):
        ask()

    put_live = ask(accepts_unproven=True)

    # Live as the gate would have had it, and whose decision it was is kept.
    chosen = next(line for line in held.strategies if line["name"] == held.evidence["if_proven"])
    assert (put_live.examples, chosen["version"]) == (chosen["examples"], "workspace-v1")
    assert only(database, Evaluation).evidence["parity_accepted"]["by"] == "U0ALICE"
    with database.read() as session:
        decided = session.exec(
            select(AuditEntry).where(AuditEntry.action == "version.unproven_accepted")
        ).one()
    assert (decided.actor, decided.subject) == ("U0ALICE", "version:workspace-v1")
    assert "does not say" in decided.details["why"]


def test_a_held_verdict_of_that_kind_is_reached_again_from_its_evidence(held):
    found = replay(json.loads(json.dumps(held.evidence)))

    assert (found.verdict, found.reason) == (held.verdict, held.reason)
    assert found.if_proven.version_name == "workspace-v1"


def test_a_canary_needs_that_decision_too_and_a_pin_cannot_do_without(held, database, tmp_path):
    def start(**options):
        plan = Plan("workspace-v1", 20, "U0ALICE", "C0HELP", held.created_at, **options)
        with database.write() as session:
            return canary.start(session, TEAM, plan, VIEWER)

    def pin():
        with database.write() as session:
            pins.pin_version(
                session, TEAM, "C0HELP", WORKSPACE, "workspace-v1", "U0BOB", VIEWER, tmp_path
            )

    for attempt in (start, pin):
        with pytest.raises(UnprovenError):
            attempt()

    assert start(accepts_unproven=True).share == 20
    pin()  # the decision holds for the version


def test_what_a_provider_tells_of_rows_it_was_not_sent_proves_nothing(
    service, database, tmp_path, monkeypatch
):
    foreign = [[{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I."}]]
    monkeypatch.setattr(
        "tests.scripted_trainer.write_seen", lambda folder, rows: write_seen(folder, foreign)
    )
    work_until_done(workshop_at(service, database, tmp_path), steps=2000)

    evaluation = only(database, Evaluation)
    assert evaluation.verdict == "hold"
    assert "tells the tokens of rows that it was not sent" in evaluation.reason


def test_the_second_model_tuned_elsewhere_is_asked_what_the_first_one_passed(database, tmp_path):
    tuned = Gifted()
    with running_trainer(tmp_path / "service", engine=tuned) as service:
        workshop = workshop_at(service, database, tmp_path, base=Gifted())
        work_until_done(workshop, steps=2000)
        tuned.forgets = True
        with database.write() as session:
            ask_for_run(session, trainer="openai")
        work_until_done(workshop, steps=2000)

    with database.read() as session:
        first, second = session.exec(select(Evaluation).order_by(Evaluation.id)).all()
    assert first.verdict == "promote"
    assert second.verdict == "reject"
    assert "It forgot" in second.reason


def test_the_tokens_billed_are_those_estimated(service, database, tmp_path):
    workshop = workshop_at(service, database, tmp_path)

    work_until_done(workshop, steps=2000)

    run = only(database, Run)
    with database.read() as session:
        rows = snapshots.rows_of(session, TEAM, run.snapshot_id, Viewer.model(WORKSPACE))
    chats = training_rows(rows, examples_for("openai"))
    sent = planted(chats, SYSTEM_PROMPT, only(database, Snapshot).hash)
    counted = sum(workshop.engine.count_tokens(chat) for chat in sent)
    estimate = counted * run.record["hyperparameters"]["n_epochs"]
    assert abs(run.record["trained_tokens"] - estimate) <= 0.05 * estimate


def test_the_run_keeps_the_hash_of_what_was_sent(service, database, tmp_path):
    workshop = workshop_at(service, database, tmp_path)

    work_until_done(workshop, steps=2000)

    run, snapshot = only(database, Run), only(database, Snapshot).hash
    with database.read() as session:
        rows = snapshots.rows_of(session, TEAM, run.snapshot_id, Viewer.model(WORKSPACE))
    chats = planted(training_rows(rows, examples_for("openai")), SYSTEM_PROMPT, snapshot)
    everything = [chats, validation_rows(rows), rehearsal_rows(rows, snapshot)]
    assert run.record["sent_sha256"] == (
        hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()
    )


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_crash_of_the_bot_starts_no_job_twice(service, database, tmp_path, checkpoint):
    with pytest.raises(KilledError):
        work_until_done(workshop_at(service, database, tmp_path, checkpoint), steps=2000)

    work_until_done(workshop_at(service, database, tmp_path), steps=2000)

    assert only(database, Run).state == RunState.DONE
    assert only(database, ModelVersion).name == "workspace-v1"
    assert len(list(service.client().fine_tuning.jobs.list())) == 1


def test_without_the_trainers_key_the_base_answers(service, database, tmp_path):
    workshop = workshop_at(service, database, tmp_path)
    work_until_done(workshop, steps=2000)
    bare = Workshop(
        database=database, home=tmp_path, trainers={}, engine=workshop.engine, base=BASE
    )

    assert adapters_to_serve(bare) == {}
    assert only(database, ModelVersion).state == "candidate"


def test_a_trainer_that_is_away_is_asked_again_and_the_run_goes_on(service, database, tmp_path):
    workshop = workshop_at(service, database, tmp_path)
    service.fault(kind="status", status=503, path="/v1", times=2)
    work_until_done(workshop, steps=20)
    run = only(database, Run)
    assert (run.state, run.error) == (RunState.PREPARING, None)
    assert run.not_before is not None

    with database.write() as session:
        session.get_one(Run, run.id).not_before = None
    service.fault()

    work_until_done(workshop, steps=2000)
    assert (only(database, Run).state, only(database, Run).attempts) == (RunState.DONE, 0)
