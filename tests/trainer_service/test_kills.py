"""``kill -9`` of the service between every two steps of a job: none lost, none trained twice."""

import multiprocessing
import os
import signal
import time
import urllib.request
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import uvicorn

from bot.engines.base_model import BaseModel
from bot.trainer_service.server import make_app
from bot.training.openai_api import OpenAITrainer
from bot.training.provider import openai_provider
from bot.training.remote_errors import TrainerUnavailableError
from bot.training.trainer import JobState, JobStatus
from tests.running_sandbox import free_port
from tests.running_trainer import KEY, KEYS, RunningTrainer
from tests.scripted_trainer import ScriptedTrainer
from tests.training_job import TINY_ROWS

OURS = BaseModel("ours", Path("base.gguf"), "0" * 64)
CHECKPOINTS = [
    "rows validated",
    "training started",
    "start noted",
    "training finished",
    "adapter moved",
    "model served",
    "success noted",
]
PATIENCE_SECONDS = 90.0


class CountedTrainer(ScriptedTrainer):
    """Notes each real start outside of the job's folder, which goes when the job ends."""

    def start(self, name, rows, base, **options):
        before = len(self.starts)
        job_id = super().start(name, rows, base, **options)
        if len(self.starts) > before:
            with (self._folder.parent.parent / "starts.log").open("a") as log:
                log.write(f"{self._folder.name}\n")
        return job_id


def serve(home: Path, port: int, seen: Path, die_at: str = "") -> BaseProcess:
    """Serve in a process of its own, until it is killed at that checkpoint."""

    def child() -> None:
        def note(name: str) -> None:
            with seen.open("a") as log:
                log.write(f"{name}\n")
            if name == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        def make(folder, hyperparameters):
            return CountedTrainer(folder, total_steps=4, steps_a_look=2)

        service = RunningTrainer(home, {"checkpoint": note, "make_trainer": make})
        uvicorn.run(make_app(service.desk(), KEYS), port=port, log_level="critical")

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and process.is_alive():
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            break
        time.sleep(0.02)
    return process


def train_to_the_end(trainer: OpenAITrainer) -> JobStatus | None:
    """One life of the bot: start, then look until the job ends; None if the service died."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            status = trainer.status(trainer.start("run-1", TINY_ROWS, OURS))
        except TrainerUnavailableError:
            return None
        if status.state != JobState.RUNNING:
            return status
        time.sleep(0.05)
    raise AssertionError("the job did not end in time")


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_kill_of_the_service_costs_one_step(tmp_path, checkpoint):
    port, home, seen = free_port(), tmp_path / "home", tmp_path / "seen.log"
    provider = openai_provider(KEY, f"http://127.0.0.1:{port}/v1")
    trainer = OpenAITrainer(provider, "bot-1", poll_seconds=0, max_retries=0)

    first = serve(home, port, seen, die_at=checkpoint)
    train_to_the_end(trainer)
    first.join(PATIENCE_SECONDS)
    second = serve(home, port, seen)
    try:
        status = train_to_the_end(trainer)
        models = trainer.result("run-1").model_id
    finally:
        trainer.stop()
        second.terminate()
        second.join()

    assert first.exitcode == -signal.SIGKILL
    assert status is not None
    assert (status.state, models.split(":")[0]) == (JobState.SUCCEEDED, "ft")
    assert [metric.step for metric in status.metrics] == [1, 2, 3, 4]
    assert len((home / "starts.log").read_text().splitlines()) == 1
    assert list((home / "jobs").iterdir()) == []
    assert sorted(set(seen.read_text().splitlines())) == sorted(CHECKPOINTS)
