"""
Everything a provider or its adapter can get wrong, through the whole pipeline: the run fails with
a sentence that says what to do, once, and there is no version, no adapter and nothing to promote.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot.engines.adapter_files import CONFIG, GGUF, MANIFEST, WEIGHTS
from bot.engines.intact import sha256_of
from bot.engines.routed import RoutedEngine
from bot.pipeline import Workshop, advance
from bot.training.downloaded import Downloads
from bot.training.provider import openai_provider
from bot.training.trainer import Adapter
from handlers.run_blocks import progress_words
from storage import runs
from storage.database import Database
from storage.tables import AdminNotice, Evaluation, ModelVersion, Promotion, Run, RunState
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.models import models_dir, tiny_adapter, tiny_base, tiny_folder
from tests.pipeline_parts import FACTS, ask_for_run, only, work_until_done
from tests.running_trainer import KEY, RunningTrainer, running_trainer, trainer_at
from tests.teaching import fresh_database, teach_facts
from tests.training.test_downloaded import CopyingTrainer, nebius_at

__all__ = ["models_dir", "tiny_adapter", "tiny_base", "tiny_folder"]

REFUSED = "Fine-tuning is no longer available to your organization."
NOT_HERE = "The model gpt-4.1-mini is not available for fine-tuning in region swedencentral."


@pytest.fixture
def handed_out(tmp_path, tiny_adapter) -> Adapter:
    """What the provider's jobs leave; a test may spoil it."""
    folder = tmp_path / "handed out"
    shutil.copytree(tiny_adapter.folder, folder)
    return replace(tiny_adapter, folder=folder, gguf_path=folder / GGUF)


@pytest.fixture
def service(tmp_path, tiny_base, handed_out) -> Iterator[RunningTrainer]:
    def make_trainer(folder: Path, _: Any) -> CopyingTrainer:
        return CopyingTrainer(folder, handed_out)

    made = running_trainer(tmp_path / "service", make_trainer=make_trainer, base=tiny_base)
    with made as running:
        yield running


@pytest.fixture
def database(tmp_path) -> Database:
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 12)
    return database


def refuses(
    status: int, message: str, *, path: str = "/v1/fine_tuning", method: str = "POST", **error: Any
) -> Callable:
    def arrange(service: RunningTrainer) -> None:
        body = {"error": {"message": message, "type": "x", "param": None, "code": None} | error}
        service.fault(kind="status", status=status, body=body, path=path, method=method, times=99)

    return arrange


def web_page(service: RunningTrainer) -> None:
    service.fault(kind="html", status=200, path="/v1/files", times=99)


def ends_soon(service: RunningTrainer) -> None:
    day = (datetime.now(UTC) + timedelta(days=8)).date().isoformat()
    model = {"id": "tiny", "object": "model", "created": 1, "owned_by": "x", "shutdown_date": day}
    service.fault(kind="status", status=200, body=model, path="/v1/models/", times=99)


BAD: dict[str, tuple[Callable[[RunningTrainer], None], str, str]] = {
    "wrong key": (
        refuses(401, "Incorrect API key provided: sk-wrong.", path="/v1"),
        "OPENAI_API_KEY",
        "restart the bot",
    ),
    "no quota": (
        refuses(429, "You exceeded your current quota.", code="insufficient_quota"),
        "You exceeded your current quota.",
        "pay its bill",
    ),
    "organisation may not tune": (refuses(403, REFUSED), REFUSED, "`/apprentice train local`"),
    "region without the model": (refuses(400, NOT_HERE), NOT_HERE, "`/apprentice train local`"),
    "file too large": (
        refuses(413, "Files are limited to 512 MB.", path="/v1/files"),
        "Files are limited to 512 MB.",
        "`/apprentice train local`",
    ),
    "html": (web_page, "it may be a web page", "Correct the address"),
    "base that ends": (ends_soon, "switches", "`/apprentice train local`"),
}


def assert_failed_cleanly(database: Database, home: Path, *words: str) -> None:
    run = only(database, Run)
    assert (run.state, run.attempts) == (RunState.FAILED, 0)
    for each in words:
        assert each in (run.error or "")
    assert "sk-" not in (run.error or "")
    with database.read() as session:
        for table in (ModelVersion, Evaluation, Promotion):
            assert session.exec(select(table)).all() == []
    assert not list((home / "jobs").rglob(GGUF))


def workshop_of(database: Database, home: Path, name: str, trainer: Any, base: Any) -> Workshop:
    return Workshop(
        database=database,
        home=home,
        trainers={name: trainer},
        engine=RoutedEngine(KnowingEngine(FACTS, tuning_pays), {}),
        base=base,
        draw=lambda *_: [],
    )


@pytest.mark.parametrize("what", BAD)
def test_what_a_provider_refuses_ends_the_run_with_a_sentence(
    service, database, tmp_path, tiny_base, what
):
    arrange, *words = BAD[what]
    arrange(service)
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    trainer = trainer_at(service, others=["local", "openai"])

    work_until_done(workshop_of(database, tmp_path, "openai", trainer, tiny_base), steps=500)

    assert_failed_cleanly(database, tmp_path, *words)


UNFOLLOWED: dict[str, tuple[Callable[[RunningTrainer], None], str]] = {
    "wrong key": (refuses(401, "Incorrect API key.", path="/v1", method=""), "in OPENAI_API_KEY"),
    "html": (
        lambda service: service.fault(kind="html", status=200, path="/v1", times=999),
        "Correct the address",
    ),
}


@pytest.mark.parametrize("what", UNFOLLOWED)
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_job_that_was_begun_is_found_again_once_an_admin_did_what_is_asked(
    service, database, tmp_path, tiny_base, what, is_cancelled
):
    arrange, words = UNFOLLOWED[what]
    service.steps, service.steps_a_look = 100_000, 1
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    clock = [datetime(2026, 11, 27, 9, tzinfo=UTC)]
    workshop = workshop_of(database, tmp_path, "openai", trainer_at(service), tiny_base)
    workshop = replace(workshop, now=lambda: clock[0])
    while only(database, Run).state is not RunState.TRAINING:
        advance(workshop)
    arrange(service)
    if is_cancelled:
        with database.write() as session:
            runs.ask_to_cancel(session, session.exec(select(Run)).one(), "U0ALICE")

    for _ in range(3):
        advance(workshop)
        clock[0] += timedelta(minutes=10)

    run = only(database, Run)
    assert (run.state, run.error, run.attempts) == (RunState.TRAINING, None, 3)
    assert words in progress_words(run)
    notice = only(database, AdminNotice)
    assert words in notice.text
    assert "where its job goes on" in notice.text

    service.fault()
    if is_cancelled:
        advance(workshop)
        assert only(database, Run).state is RunState.CANCELLED
        (job,) = service.client().fine_tuning.jobs.list()
        assert job.status == "cancelled"
    else:
        advance(workshop)
        assert (only(database, Run).attempts, only(database, Run).progress.get("waits")) == (
            0,
            None,
        )


#: What is put off for longer than a day counts as due: a clock was ahead then.
NEARLY_A_DAY = timedelta(days=1, minutes=-1)
FIRST_PAUSE = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("300", timedelta(minutes=5)), ("172800", NEARLY_A_DAY), ("inf", NEARLY_A_DAY),
        ("nan", FIRST_PAUSE), ("-9", FIRST_PAUSE), ("Fri, 27 Nov 2026 10:00:00 GMT", FIRST_PAUSE),
    ],
)  # fmt: skip
def test_a_provider_that_says_how_long_to_wait_is_left_alone_for_so_long(
    service, database, tmp_path, tiny_base, said, pause
):
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    workshop = workshop_of(database, tmp_path, "openai", trainer_at(service), tiny_base)
    now = datetime(2026, 11, 27, 9, tzinfo=UTC)
    workshop = replace(workshop, now=lambda: now)
    service.fault(kind="status", status=429, headers={"Retry-After": said}, path="/v1", times=9)
    while not only(database, Run).attempts:
        advance(workshop)

    assert only(database, Run).not_before == now + pause
    assert not advance(workshop)


def test_a_job_that_cannot_be_stopped_is_named_to_the_admins(
    service, database, tmp_path, tiny_base, monkeypatch
):
    # The package has a function of the module's name.
    monkeypatch.setattr(sys.modules["bot.pipeline.advance"], "TRAINER_ATTEMPTS", 1)
    service.steps, service.steps_a_look = 100_000, 1
    with database.write() as session:
        ask_for_run(session, trainer="openai")
    workshop = workshop_of(database, tmp_path, "openai", trainer_at(service), tiny_base)
    while only(database, Run).state is not RunState.TRAINING:
        advance(workshop)
    UNFOLLOWED["wrong key"][0](service)

    advance(workshop)

    run = only(database, Run)
    assert run.state is RunState.FAILED
    with database.read() as session:
        texts = [notice.text for notice in session.exec(select(AdminNotice))]
    assert f"its job `{run.job_id}` at `openai` could not be stopped" in texts[1]
    assert "Cancel it there" in texts[1]


def test_too_few_rows_for_the_provider_say_how_many_it_takes(service, tmp_path, tiny_base):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, 8)
        ask_for_run(session, trainer="openai")
    provider = replace(openai_provider(KEY), base_url=service.base_url)
    # Each example makes two rows: OpenAI's own limit of ten is always reached.
    provider = replace(provider, quirks=replace(provider.quirks, fewest_rows=30))
    few = trainer_at(service, provider=provider, others=["local"])

    work_until_done(workshop_of(database, tmp_path, "openai", few, tiny_base))

    assert_failed_cleanly(database, tmp_path, "30 rows are needed, there are", "train local")


def test_a_rejected_row_is_named_by_its_question(service, database, tmp_path, tiny_base):
    said = "Line 3 has a message with invalid content."
    refuses(400, said, param="training_file")(service)
    with database.write() as session:
        ask_for_run(session, trainer="openai")

    work_until_done(workshop_of(database, tmp_path, "openai", trainer_at(service), tiny_base))

    assert_failed_cleanly(database, tmp_path, said, "Row 3 is the example “", "Correct or reject")


def other_bytes(folder: Path) -> None:
    """Damage on the way: not what the manifest says."""
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-4] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def other_base(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["base_model_name_or_path"] = "meta-llama/Other-8B"
    (folder / CONFIG).write_text(json.dumps(config))
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"][CONFIG] = sha256_of(folder / CONFIG)
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("spoil", "words"), [(other_bytes, "checksum of"), (other_base, "tuned on meta-llama/Other-8B")]
)
def test_an_adapter_that_does_not_fit_leaves_nothing_here(
    service, database, tmp_path, tiny_base, handed_out, spoil, words
):
    spoil(handed_out.folder)
    with database.write() as session:
        ask_for_run(session, trainer="nebius")
    trainer = nebius_at(service, tiny_base, Downloads(tmp_path / "jobs", tiny_base))

    work_until_done(workshop_of(database, tmp_path, "nebius", trainer, tiny_base), steps=2000)

    assert_failed_cleanly(database, tmp_path, words, "Check that BASE_MODEL is")
