"""
``kill -9`` of the bot at every step of a run, for each trainer: no job lost, none started twice.

One run each, killed at every checkpoint in turn: life after life dies at the first one that none
died at before. What trains meanwhile, a child here or a job elsewhere, goes on.
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlmodel import select

from bot.engines.intact import sha256_of
from storage.database import Database
from storage.tables import Deployment, Evaluation, ModelVersion, Run, RunMetric, RunState, Snapshot
from tests.bot_lives import Life, live
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.models import models_dir, tiny_adapter, tiny_base, tiny_folder
from tests.pipeline_parts import FACTS, ask_for_run, only
from tests.running_trainer import KEY, RunningTrainer, running_trainer
from tests.teaching import ask_in_vain, fresh_database, teach_facts
from tests.test_pipeline_kill import CHECKPOINTS
from tests.together_wire import KEY as TOGETHER_KEY
from tests.together_wire import MODEL, PYTHON, together_wire
from tests.training.stand_in_autotrain import install
from tests.training.test_autotrain import plain_adapter
from tests.training.test_downloaded import CopyingTrainer
from tests.training.test_trainer_promise import HAS_TRL

__all__ = ["models_dir", "plain_adapter", "tiny_adapter", "tiny_base", "tiny_folder"]

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
#: Fewer would be below what providers take.
EXAMPLES = 12
DEPLOYED = [
    "deployment asked",
    "deployment looked for",
    "deployment made",
    "deployment ready",
    "deployment used",
]
#: Says how many jobs were begun.
Jobs = Callable[[], int]


@pytest.fixture
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Database:
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach_facts(session, EXAMPLES)
        ask_in_vain(session, 1)
        ask_for_run(session, trainer=request.node.callspec.params["began"])
    database.close()
    return database


def local_lives(name: str, made: Life) -> tuple[Life, Jobs]:
    folder = made.home / ("jobs" if name == "local" else f"{name}-jobs") / "run-1"
    return made, lambda: int((folder / "starts").read_text())


@pytest.fixture
def began(
    request: pytest.FixtureRequest, tmp_path: Path, models_dir, tiny_base, tiny_adapter
) -> Iterator[tuple[Life, Jobs]]:
    """The lives of a trainer's bot, and how many jobs were begun."""
    name = request.param
    life = Life(name, tmp_path, models_dir, tiny_base)
    with ExitStack() as stack:
        if name in ("local", "trl"):
            yield local_lives(name, life)
        elif name == "autotrain":
            stand_in = install(tmp_path / "environment")
            stand_in.behaves(makes=request.getfixturevalue("plain_adapter"))
            options = {"arguments": json.dumps([str(stand_in.python)])}
            yield Life(**vars(life) | {"options": options}), lambda: len(stand_in.starts)
        elif name == "together":
            theirs = CopyingTrainer(tmp_path / "theirs", tiny_adapter)
            wire = stack.enter_context(together_wire(theirs, tiny_base))
            options = {"python": str(PYTHON), "model": MODEL}
            given = {"url": wire.url, "key": TOGETHER_KEY, "options": options}
            yield Life(**vars(life) | given), lambda: len(wire.jobs)
        else:
            yield from _at_the_service(life, tmp_path / "service", tiny_adapter, stack)


def _at_the_service(
    life: Life, home: Path, tiny_adapter, stack: ExitStack
) -> Iterator[tuple[Life, Jobs]]:
    def make_trainer(folder: Path, _: object) -> CopyingTrainer:
        return CopyingTrainer(folder, tiny_adapter)

    engine = KnowingEngine(FACTS, tuning_pays)
    service: RunningTrainer = stack.enter_context(
        running_trainer(
            home, engine=engine, make_trainer=make_trainer, base=life.base, repeats=True
        )
    )
    given = {"url": service.base_url, "key": KEY}
    if life.trainer == "azure":
        from tests.azure_account import azure_account

        account = stack.enter_context(azure_account(service.base_url))
        given |= {"url": account.url, "options": {"service": service.base_url}}
    yield (
        Life(**vars(life) | given),
        lambda: len(list(service.client().fine_tuning.jobs.list())),
    )


@pytest.mark.parametrize(
    "began",
    [
        pytest.param("local", marks=pytest.mark.slow),
        pytest.param(
            "trl",
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(not HAS_TRL, reason="pip install -r requirements-trl.txt"),
            ],
        ),
        "autotrain",
        "openai",
        "azure",
        "nebius",
        pytest.param(
            "together",
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(not PYTHON.exists(), reason="make together"),
            ],
        ),
    ],
    indirect=True,
)
def test_killed_at_every_step_a_run_is_trained_once_and_recorded(database, began, tmp_path):
    life, jobs = began
    seen = tmp_path / "seen"
    died_at: list[str] = []

    while (ended := live(life, spares=died_at, seen=seen)) == -signal.SIGKILL:
        died_at.append(seen.read_text().splitlines()[-1])

    expected = set(CHECKPOINTS) | (set(DEPLOYED) if life.trainer == "azure" else set())
    assert (ended, set(died_at)) == (0, expected)
    assert len(died_at) == len(expected)
    run = only(database, Run)
    assert (run.state, run.error, run.attempts) == (RunState.DONE, None, 0)
    assert jobs() == 1
    for table in (ModelVersion, Evaluation, Snapshot):
        assert only(database, table)
    with database.read() as session:
        steps = [metric.step for metric in session.exec(select(RunMetric))]
        deployed = len(session.exec(select(Deployment)).all())
    assert sorted(set(steps)) == sorted(steps)
    assert steps or life.trainer == "autotrain"
    version = only(database, ModelVersion)
    assert_recorded(run, version, tmp_path)
    assert deployed == (1 if life.trainer == "azure" else 0)


def assert_recorded(run: Run, version: ModelVersion, home: Path) -> None:
    """What was sent, how it was trained, what happened, what it took and what came of it."""
    record = run.record
    assert len(record["sent_sha256"]) == 64
    assert run.training_seconds is not None
    assert run.estimate["tokens"] > 0
    assert record["trained_tokens"] > 0
    resolved = record.get("hyperparameters") or record
    assert {"num_train_epochs", "n_epochs", "epochs"} & resolved.keys()
    said = [event["said"] for event in record["events"]]
    assert said
    assert [event["at"] for event in record["events"]] == sorted(e["at"] for e in record["events"])
    if run.trainer in ("local", "trl", "autotrain"):
        assert said.count("A training process was started.") == 1
        assert said[-1] == "The adapter is complete."
    if run.trainer == "together":
        assert run.cost == pytest.approx(record["billed_dollars"])
    if version.remote_id:
        assert record["training_file"].startswith("file-")
    else:
        assert version.checksum == sha256_of(home / version.gguf_path)
