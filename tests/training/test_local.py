"""Trainer ``local``: jobs that end well, jobs that are killed, cancelled, or have no room."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel
from bot.engines.intact import sha256_of
from bot.training.base_weights import is_cached
from bot.training.errors import JobNotFinishedError, JobUnknownError, NoRowsError
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import LocalTrainer
from bot.training.trainer import Adapter, JobState
from tests.models import SEEN
from tests.training_job import PATIENCE_SECONDS, TINY_ROWS, row, wait_for_end, wait_for_step

#: Steps of a tiny job that is still running when a test interferes.
MANY_EPOCHS = 20_000
SHORT = Hyperparameters(num_train_epochs=3, threads=1)
ENDLESS = Hyperparameters(num_train_epochs=MANY_EPOCHS, threads=1)


@pytest.fixture
def jobs_dir(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def endless(jobs_dir: Path, models_dir: Path, tiny_adapter: Adapter) -> LocalTrainer:
    """A trainer whose jobs go on for minutes; what tests leave running is ended after them."""
    return LocalTrainer(jobs_dir, models_dir, ENDLESS)


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test(jobs_dir: Path, models_dir: Path) -> object:
    yield
    LocalTrainer(jobs_dir, models_dir).stop()


def process_of(jobs_dir: Path, job_id: str) -> int:
    return int(JobFolder(jobs_dir / job_id).process_id.read_text())


def wait_until_ended(folder: JobFolder) -> None:
    while folder.is_running():
        time.sleep(0.05)


def leftovers(jobs_dir: Path, job_id: str) -> set[str]:
    return {path.name for path in (jobs_dir / job_id).iterdir()}


def test_a_job_ends_with_an_adapter_and_its_checksums(tiny_adapter: Adapter) -> None:
    manifest = json.loads((tiny_adapter.folder / "manifest.json").read_text())
    files = {path.name for path in tiny_adapter.folder.iterdir()} - {"manifest.json"}

    assert files == {
        "adapter.gguf",
        "adapter_config.json",
        "adapter_model.safetensors",
        "parity.json",
    }
    assert manifest["files"] == {name: sha256_of(tiny_adapter.folder / name) for name in files}
    assert tiny_adapter.checksum == sha256_of(tiny_adapter.gguf_path)
    assert manifest["base_model"].startswith("tiny-llama")
    assert manifest["rows"] == len(TINY_ROWS)


def test_progress_is_reported_step_by_step(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    trainer = LocalTrainer(jobs_dir, models_dir, SHORT)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.SUCCEEDED
    assert (status.step, status.total_steps, status.seconds_left) == (3, 3, 0.0)
    assert [metric.step for metric in status.metrics] == [1, 2, 3]
    assert status.metrics[-1].loss < status.metrics[0].loss
    assert status.loss == status.metrics[-1].loss
    assert leftovers(jobs_dir, "run-1").isdisjoint({"checkpoint.pt", "adapter.partial"})


@pytest.mark.usefixtures("cold_children")
def test_the_same_rows_and_seed_make_the_same_adapter(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel, tiny_adapter: Adapter
) -> None:
    trainer = LocalTrainer(jobs_dir, models_dir, SEEN)
    job_id = trainer.start("again", TINY_ROWS, tiny_base)
    wait_for_end(trainer, job_id)

    assert trainer.result(job_id).checksum == tiny_adapter.checksum


def test_a_killed_child_goes_on_from_its_checkpoint(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel, endless: LocalTrainer
) -> None:
    job_id = endless.start("run-1", TINY_ROWS, tiny_base)
    folder = JobFolder(jobs_dir / job_id)
    wait_for_step(endless, job_id, 1)
    first_process = process_of(jobs_dir, job_id)
    while not folder.checkpoint.exists():
        assert endless.status(job_id).state == JobState.RUNNING
        time.sleep(0.05)

    os.kill(first_process, signal.SIGKILL)
    wait_until_ended(folder)
    steps_before = len(folder.read_metrics())
    checkpoint = folder.checkpoint.read_bytes()
    status = endless.status(job_id)
    resumed = wait_for_step(endless, job_id, steps_before + 5)

    assert status.state == JobState.RUNNING
    assert resumed.state == JobState.RUNNING
    assert process_of(jobs_dir, job_id) != first_process
    assert checkpoint
    assert [metric.step for metric in resumed.metrics] == list(range(1, len(resumed.metrics) + 1))


def test_a_new_trainer_adopts_the_child_of_the_one_before(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel, endless: LocalTrainer
) -> None:
    job_id = endless.start("run-1", TINY_ROWS, tiny_base)
    wait_for_step(endless, job_id, 1)
    child = process_of(jobs_dir, job_id)

    after_a_crash = LocalTrainer(jobs_dir, models_dir, ENDLESS)
    assert after_a_crash.start("run-1", TINY_ROWS, tiny_base) == job_id
    status = after_a_crash.status(job_id)

    assert status.state == JobState.RUNNING
    assert process_of(jobs_dir, job_id) == child


def test_a_stopped_trainer_lets_its_job_go_on_later(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel, endless: LocalTrainer
) -> None:
    job_id = endless.start("run-1", TINY_ROWS, tiny_base)
    wait_for_step(endless, job_id, 1)

    endless.stop()
    stopped = endless.status(job_id)
    was_running = JobFolder(jobs_dir / job_id).is_running()
    status = LocalTrainer(jobs_dir, models_dir, ENDLESS).status(job_id)

    assert stopped.state == JobState.RUNNING
    assert not was_running
    assert status.state == JobState.RUNNING
    assert JobFolder(jobs_dir / job_id).is_running()


def test_a_child_that_keeps_dying_fails_the_job(
    jobs_dir: Path, tiny_base: BaseModel, endless: LocalTrainer
) -> None:
    job_id = endless.start("run-1", TINY_ROWS, tiny_base)
    folder = JobFolder(jobs_dir / job_id)
    for _ in range(3):
        while not folder.process_id.exists() or not folder.process_id.read_text():
            time.sleep(0.05)
        os.kill(process_of(jobs_dir, job_id), signal.SIGKILL)
        wait_until_ended(folder)
        status = endless.status(job_id)

    assert status.state == JobState.FAILED
    assert "ended 3 times without a word" in (status.error or "")
    assert endless.status(job_id).state == JobState.FAILED


def test_cancelling_ends_the_child_and_leaves_nothing_half_done(
    jobs_dir: Path, tiny_base: BaseModel, endless: LocalTrainer
) -> None:
    job_id = endless.start("run-1", TINY_ROWS, tiny_base)
    wait_for_step(endless, job_id, 1)
    # As if it had trained for longer: the first one is written after twenty seconds.
    JobFolder(jobs_dir / job_id).checkpoint.write_bytes(b"half done")

    endless.cancel(job_id)
    status = endless.status(job_id)

    assert status.state == JobState.CANCELLED
    assert not JobFolder(jobs_dir / job_id).is_running()
    assert leftovers(jobs_dir, job_id).isdisjoint({"checkpoint.pt", "adapter.partial", "adapter"})
    with pytest.raises(JobNotFinishedError, match="cancelled"):
        endless.result(job_id)


def test_cancelling_what_ended_or_never_began_does_nothing(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    trainer = LocalTrainer(jobs_dir, models_dir, SHORT)
    job_id = trainer.start("run-1", TINY_ROWS, tiny_base)
    wait_for_end(trainer, job_id)

    trainer.cancel(job_id)
    trainer.cancel("run-2")

    assert trainer.status(job_id).state == JobState.SUCCEEDED


@pytest.mark.usefixtures("cold_children")  # only so do they inherit the limit
def test_a_disk_without_room_fails_the_job_with_a_sentence(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel, tiny_adapter: Adapter
) -> None:
    # A limit on the size of files stands in for a full disk: every write beyond it fails.
    room = tiny_adapter.gguf_path.stat().st_size // 2
    trainer = LocalTrainer(jobs_dir, models_dir, SHORT)
    job_id = _start_with_file_limit(trainer, tiny_base, room)

    status = wait_for_end(trainer, job_id)

    assert status.state == JobState.FAILED
    assert "could not write its files" in (status.error or "")
    assert "Make room" in (status.error or "")
    assert leftovers(jobs_dir, job_id).isdisjoint({"checkpoint.pt", "adapter.partial", "adapter"})


def _start_with_file_limit(trainer: LocalTrainer, base: BaseModel, limit: int) -> str:
    """Children inherit the limit; our own is put back at once."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        return trainer.start("run-1", TINY_ROWS, base)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_loss_that_is_no_number_fails_the_job(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    wild = Hyperparameters(num_train_epochs=50, learning_rate=1e30, threads=1)
    trainer = LocalTrainer(jobs_dir, models_dir, wild)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "diverged" in (status.error or "")


def test_a_row_longer_than_the_context_is_named(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    trainer = LocalTrainer(jobs_dir, models_dir, SHORT)
    rows = [*TINY_ROWS, row("keys " * 2000, "No.")]

    status = wait_for_end(trainer, trainer.start("run-1", rows, tiny_base))

    assert status.state == JobState.FAILED
    assert "Row 4 of the training data" in (status.error or "")


def test_a_broken_base_fails_the_job_with_a_sentence(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel, tmp_path: Path
) -> None:
    broken = tmp_path / "cut.gguf"
    broken.write_bytes(tiny_base.gguf_path.read_bytes()[:50_000])
    trainer = LocalTrainer(jobs_dir, models_dir, SHORT)

    job_id = trainer.start("run-1", TINY_ROWS, BaseModel("Cut", broken, "0" * 64))
    status = wait_for_end(trainer, job_id)

    assert status.state == JobState.FAILED
    assert "Cut" in (status.error or "")


def test_nothing_to_learn_from_is_refused(
    jobs_dir: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    with pytest.raises(NoRowsError):
        LocalTrainer(jobs_dir, models_dir).start("run-1", [], tiny_base)


def test_the_base_can_be_prepared_before_the_first_run(
    jobs_dir: Path, tmp_path: Path, tiny_base: BaseModel
) -> None:
    models_dir = tmp_path / "models"
    trainer = LocalTrainer(jobs_dir, models_dir)

    trainer.prepare(tiny_base)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_cached(tiny_base, models_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    trainer.prepare(tiny_base)

    assert is_cached(tiny_base, models_dir)
    assert not list(models_dir.glob("*.partial"))


def test_a_job_nobody_started_is_unknown(jobs_dir: Path, models_dir: Path) -> None:
    with pytest.raises(JobUnknownError, match="run-7"):
        LocalTrainer(jobs_dir, models_dir).status("run-7")


def test_following_jobs_imports_no_torch() -> None:
    code = "import sys, bot.training.local; print('torch' in sys.modules, 'numpy' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == ["False", "False"]


def test_a_job_begun_before_there_was_a_choice_trains_all_layers(
    tmp_path: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    folder = JobFolder(tmp_path / "run-1")
    folder.create(TINY_ROWS, tiny_base, Hyperparameters(), models_dir)
    assert folder.read_job()[1].trained_share == Hyperparameters().trained_share
    path = folder.path / "job.json"
    job = json.loads(path.read_text())
    del job["hyperparameters"]["trained_share"]
    path.write_text(json.dumps(job))

    assert folder.read_job()[1].trained_share == 1.0
