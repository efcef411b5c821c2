"""AutoTrain Advanced itself: by hand, from what we export, and what becomes of it when it dies."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel
from bot.engines.llama_cpp import LlamaCppEngine
from bot.evaluation.parity import PROVEN, prove, samples_at
from bot.settings import load_settings
from bot.training.autotrain_job import adapter_in
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import AUTOTRAIN_JOB, LocalTrainer
from bot.training.trainer import PARITY_FILE, JobState
from tests import training_job
from tests.cli_home import SAID, bot, teach
from tests.training_job import TINY_ROWS, wait_for_end, wait_for_step

pytestmark = [
    pytest.mark.autotrain,
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]
PYTHON = load_settings().autotrain_command


@pytest.fixture(autouse=True)
def _more_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes load PyTorch before the first step."""
    monkeypatch.setattr(training_job, "PATIENCE_SECONDS", 900.0)


@pytest.fixture
def trainer(tmp_path: Path, models_dir: Path) -> Iterator[LocalTrainer]:
    made = make_trainer(tmp_path, models_dir, passes=8)
    yield made
    made.stop()


def make_trainer(home: Path, models_dir: Path, *, passes: int) -> LocalTrainer:
    options = Hyperparameters(num_train_epochs=passes, threads=1)
    return LocalTrainer(
        home / "jobs", models_dir, options, child=AUTOTRAIN_JOB, arguments=[str(PYTHON)]
    )


def processes_in(group: int) -> dict[int, str]:
    """The command lines of what lives in a process group."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, _, of_group = (path / "stat").read_text().rpartition(")")[2].split()[:3]
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(of_group) == group and state != "Z":
            found[int(path.name)] = command
    return found


def test_its_adapter_is_served_as_it_was_trained(
    trainer: LocalTrainer, tiny_base: BaseModel, tmp_path: Path
):
    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))
    adapter = trainer.result("run-1")

    assert status.metrics[-1].loss < status.metrics[0].loss
    assert (
        status.record["trained_tokens"]
        == status.total_steps * (status.record["hyperparameters"]["block_size"])
    )
    engine = LlamaCppEngine(
        tiny_base.gguf_path, {"v1": adapter.gguf_path}, slots=1, context_per_slot=512, threads=1
    )
    engine.start()
    try:
        assert prove(engine, "v1", samples_at(adapter.folder / PARITY_FILE)) == PROVEN
    finally:
        engine.stop()


def test_a_training_that_diverges_fails_the_job(
    tiny_base: BaseModel, models_dir: Path, tmp_path: Path
):
    options = Hyperparameters(num_train_epochs=50, learning_rate=1e30, threads=1)
    trainer = LocalTrainer(
        tmp_path / "jobs", models_dir, options, child=AUTOTRAIN_JOB, arguments=[str(PYTHON)]
    )

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "no number" in (status.error or "")


def test_what_trains_is_killed_and_it_is_started_again(
    tiny_base: BaseModel, models_dir: Path, tmp_path: Path
):
    trainer = make_trainer(tmp_path, models_dir, passes=400)
    job_id = trainer.start("run-1", TINY_ROWS, tiny_base)
    folder = JobFolder(tmp_path / "jobs" / job_id)
    try:
        wait_for_step(trainer, job_id, 1)
        group = int(folder.process_id.read_text())
        (worker,) = (
            number
            for number, command in processes_in(group).items()
            if "-m autotrain.trainers.clm" in command and "launch" not in command
        )

        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + training_job.PATIENCE_SECONDS
        while folder.is_running() and time.monotonic() < deadline:
            time.sleep(0.1)
        status = trainer.status(job_id)

        assert status.state == JobState.RUNNING
        assert folder.is_running()
        assert folder.starts.read_text() == "2"
    finally:
        trainer.cancel(job_id)


def test_cancelling_leaves_no_process_of_it(tiny_base: BaseModel, models_dir: Path, tmp_path: Path):
    trainer = make_trainer(tmp_path, models_dir, passes=5_000)
    job_id = trainer.start("run-1", TINY_ROWS, tiny_base)
    wait_for_step(trainer, job_id, 1)
    group = int(JobFolder(tmp_path / "jobs" / job_id).process_id.read_text())
    assert len(processes_in(group)) >= 4

    trainer.cancel(job_id)

    assert trainer.status(job_id).state == JobState.CANCELLED
    assert processes_in(group) == {}


def test_an_exported_folder_is_run_by_hand_as_its_page_says(tmp_path: Path, tiny_folder: Path):
    home = teach(tmp_path / "home")
    bot("attest", "--by", "U0ALICE", "--sources", "import", home=home)
    folder = tmp_path / "elsewhere" / "project"
    folder.parent.mkdir()
    exported = bot(
        "train", "--trainer", "autotrain", "--export", str(folder),
        home=home, BASE_MODEL=str(tiny_folder),
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    assert SAID in (folder / "data" / "train.jsonl").read_text()
    shutil.rmtree(home)  # it needs nothing of ours
    commands = re.search(r"```\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[1]
    # Installing takes minutes; what it would install is there already.
    (folder / ".venv").symlink_to(PYTHON.parent.parent)
    by_hand = "\n".join(commands.splitlines()[3:])

    done = subprocess.run(
        ["bash", "-ec", by_hand], cwd=folder, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (tmp_path / "as-job").mkdir()
    (tmp_path / "as-job" / "project").symlink_to(folder)
    assert adapter_in(JobFolder(tmp_path / "as-job"))
