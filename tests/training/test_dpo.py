"""Preference pairs: what was corrected becomes less likely than what people want."""

import importlib.util
import json
import os
import signal
import time
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel
from bot.engines.intact import sha256_of
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import LocalTrainer
from bot.training.trainer import JobState
from tests.training_job import TINY_ROWS, row, wait_for_end

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("trl") is None, reason="pip install -r requirements-trl.txt"
    ),
]
PAIRS = [
    (row(f"Who has key {n}{n + 1}?", f"Dora has key {n}."), f"I keep key {n} myself, as always.")
    for n in range(8)
]
# Of the tiny model's two layers half would be one, which learns too little to be seen.
SHORT = Hyperparameters(num_train_epochs=2, threads=1, trained_share=1.0)


def test_wanted_answers_become_likelier_than_corrected_ones(
    tmp_path: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    trainer = LocalTrainer(tmp_path / "jobs", models_dir, SHORT)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base, pairs=PAIRS))

    folder = JobFolder(tmp_path / "jobs/run-1")
    assert status.state == JobState.SUCCEEDED, folder.log.read_text()[-3000:]
    found = status.record["preferences"]
    assert found["pairs"] == len(PAIRS)
    assert found["hash"] == sha256_of(folder.path / "pairs.jsonl")
    assert found["after"]["margin"] > found["before"]["margin"] + 1
    adapter = trainer.result("run-1")
    assert {path.name for path in adapter.folder.iterdir()} == {
        "adapter.gguf",
        "adapter_config.json",
        "adapter_model.safetensors",
        "manifest.json",
        "parity.json",
    }
    assert json.loads((adapter.folder / "manifest.json").read_text())["preferences"] == found


def test_a_child_killed_among_the_pairs_makes_no_step_of_the_rows_again(
    tmp_path: Path, models_dir: Path, tiny_base: BaseModel
) -> None:
    trainer = LocalTrainer(tmp_path / "jobs", models_dir, SHORT)
    trainer.start("run-1", TINY_ROWS, tiny_base, pairs=PAIRS)
    folder = JobFolder(tmp_path / "jobs/run-1")
    while not folder.checkpoint.exists():
        assert trainer.status("run-1").state == JobState.RUNNING
        time.sleep(0.01)
    os.kill(int(folder.process_id.read_text()), signal.SIGKILL)
    while folder.is_running():
        time.sleep(0.01)
    steps = folder.read_metrics()

    status = wait_for_end(trainer, "run-1")

    assert status.state == JobState.SUCCEEDED
    assert folder.read_metrics() == steps
    assert status.record["preferences"]["pairs"] == len(PAIRS)
