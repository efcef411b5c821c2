"""Runs of two processes under ``accelerate launch``, on processors: gloo instead of NCCL."""

import importlib.util
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bot.engines.base_model import BaseModel
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import LORA_JOB, TRL_JOB, LocalTrainer
from bot.training.trainer import JobState
from tests.training_job import TINY_ROWS, row, wait_for_end, wait_for_step

HAS_TRL = importlib.util.find_spec("trl") is not None
#: Rows of one length, so that both trainers batch them alike.
ROWS = [row(f"Who has key {n}{n + 1}?", f"Dora has key {n}.") for n in range(8)]
CHILDREN = [
    LORA_JOB,
    pytest.param(
        TRL_JOB, marks=pytest.mark.skipif(not HAS_TRL, reason="pip install -r requirements-trl.txt")
    ),
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """What `accelerate config` writes for two GPUs; without any, accelerate takes gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "accelerate.json"
    path.write_text(
        json.dumps(
            {
                "compute_environment": "LOCAL_MACHINE",
                "distributed_type": "MULTI_GPU",
                "mixed_precision": "no",
                "num_machines": 1,
                "num_processes": 2,
                "machine_rank": 0,
                "main_process_ip": "127.0.0.1",
                "main_process_port": port,
            }
        )
    )
    return path


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test(tmp_path: Path, models_dir: Path) -> Iterator[None]:
    yield
    LocalTrainer(tmp_path / "jobs", models_dir).stop()


def processes_of(folder: JobFolder) -> list[psutil.Process]:
    """The launcher and all it started."""
    launcher = psutil.Process(int(folder.process_id.read_text()))
    return [launcher, *launcher.children(recursive=True)]


def wait_until_gone(processes: list[psutil.Process]) -> None:
    gone, alive = psutil.wait_procs(processes, timeout=60)
    assert len(gone) == len(processes), f"still there: {alive}"


@pytest.mark.slow
@pytest.mark.parametrize("child", CHILDREN)
def test_two_processes_learn_as_one_does(
    tmp_path: Path, models_dir: Path, tiny_base: BaseModel, config: Path, child: str
) -> None:
    options = Hyperparameters(num_train_epochs=2, batch_size=4, threads=1)
    alone = LocalTrainer(tmp_path / "jobs", models_dir, options, child=child)
    two = LocalTrainer(
        tmp_path / "jobs", models_dir, options, child=child, accelerate_config=config
    )

    expected = wait_for_end(alone, alone.start("one", ROWS, tiny_base))
    status = wait_for_end(two, two.start("two", ROWS, tiny_base))

    assert status.state == JobState.SUCCEEDED, (tmp_path / "jobs/two/log.txt").read_text()[-3000:]
    assert (expected.record["processes"], status.record["processes"]) == (1, 2)
    assert [metric.step for metric in status.metrics] == [1, 2, 3, 4]
    # TRL's sampler gives the processes other rows of an epoch at a time.
    tolerance = 1e-3 if child == LORA_JOB else 0.2
    assert [metric.loss for metric in status.metrics] == pytest.approx(
        [metric.loss for metric in expected.metrics], abs=tolerance
    )
    assert two.result("two").gguf_path.read_bytes().startswith(b"GGUF")


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["launcher", "process"])
def test_what_is_killed_takes_the_others_along_and_the_job_goes_on(
    tmp_path: Path, models_dir: Path, tiny_base: BaseModel, config: Path, killed: str
) -> None:
    options = Hyperparameters(num_train_epochs=100_000, threads=1)
    trainer = LocalTrainer(tmp_path / "jobs", models_dir, options, accelerate_config=config)
    folder = JobFolder(tmp_path / "jobs" / trainer.start("run-1", TINY_ROWS, tiny_base))
    wait_for_step(trainer, "run-1", 1)
    while not folder.checkpoint.exists():
        assert trainer.status("run-1").state == JobState.RUNNING
        time.sleep(0.1)
    processes = processes_of(folder)
    victim = processes[0] if killed == "launcher" else processes[-1]

    os.kill(victim.pid, signal.SIGKILL)
    wait_until_gone(processes)
    steps = len(folder.read_metrics())
    status = wait_for_step(trainer, "run-1", steps + 1)

    assert len(processes) == 3
    assert status.state == JobState.RUNNING
    assert [metric.step for metric in status.metrics] == list(range(1, len(status.metrics) + 1))
    processes = processes_of(folder)
    trainer.cancel("run-1")
    wait_until_gone(processes)
    assert trainer.status("run-1").state == JobState.CANCELLED


@pytest.mark.slow
def test_several_processes_fail_with_one_sentence(
    tmp_path: Path, models_dir: Path, tiny_base: BaseModel, config: Path
) -> None:
    trainer = LocalTrainer(tmp_path / "jobs", models_dir, accelerate_config=config)
    rows = [*TINY_ROWS, row("keys " * 2000, "No.")]

    status = wait_for_end(trainer, trainer.start("run-1", rows, tiny_base))

    assert status.state == JobState.FAILED
    assert "Row 4 of the training data" in (status.error or "")
