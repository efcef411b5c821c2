"""
Trainer ``local`` against TRL's ``SFTTrainer``, in turn: same base, rows, adapter, epochs.

Rows carry their own example, as the pipeline's do. Then ten times the rows with ``local`` alone.
Needs ``pip install -r requirements-trl.txt``.
"""

import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil

from bot.answering.prompt import build_messages
from bot.answering.retrieval import RetrievedExample
from bot.engines.base_model import resolve_base_model
from bot.engines.client import Message
from bot.seed.organisation import load_facts
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import LORA_JOB, TRL_JOB, LocalTrainer
from bot.training.trainer import JobState

ROWS, EPOCHS = 24, 3
MEGABYTE = 1024**2


def measure() -> dict[str, Any]:
    rows = [_row(fact.wordings[each], fact.answer) for each in (0, 1) for fact in load_facts()]
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        home = Path(folder)
        # The first run alone would dequantise the base.
        _run(home, "warm", LORA_JOB, rows[:8], epochs=1)
        local = _run(home, "local", LORA_JOB, rows[:ROWS])
        trl = _run(home, "trl", TRL_JOB, rows[:ROWS])
        once = _run(home, "once", LORA_JOB, rows[:ROWS], epochs=1)
        ten_times = _run(home, "ten-times", LORA_JOB, rows[: 10 * ROWS], epochs=1)
    return {
        "rows": ROWS,
        "epochs": EPOCHS,
        "local": local,
        "trl": trl,
        "local against trl, times as fast": round(trl["seconds"] / local["seconds"], 2),
        "local against trl, memory": round(local["peak_mb"] / trl["peak_mb"], 2),
        "ten times the rows, times as long": round(ten_times["seconds"] / once["seconds"], 1),
        "ten times the rows, memory": round(ten_times["peak_mb"] / once["peak_mb"], 2),
    }


def _row(question: str, answer: str) -> list[Message]:
    beside = [RetrievedExample(0, question, answer, None, 0.0)]
    return [*build_messages(question, beside), {"role": "assistant", "content": answer}]


def _run(
    home: Path, name: str, child: str, rows: list[list[Message]], epochs: int = EPOCHS
) -> dict[str, Any]:
    """Seconds are of the steps alone, without loading and saving; loss is the mean of an epoch."""
    asked = Hyperparameters(num_train_epochs=epochs, until_learned=False)
    trainer = LocalTrainer(home / "jobs", home / "models", asked, child=child)
    job_id = trainer.start(name, rows, resolve_base_model("", home / "models"))
    folder = JobFolder(home / "jobs" / job_id)
    peak = 0.0
    while trainer.status(job_id).state == JobState.RUNNING:
        peak = max(peak, _memory(folder))
        time.sleep(0.1)
    trainer.result(job_id)
    steps = folder.read_metrics()
    seconds = (steps[-1]["seconds"] - steps[0]["seconds"]) * len(steps) / (len(steps) - 1)
    each = len(steps) // epochs
    losses = [fmean(s["loss"] for s in steps[at : at + each]) for at in range(0, len(steps), each)]
    tokens = sum(len(message["content"]) for row in rows for message in row) / 4 * epochs
    return {
        "seconds": round(seconds, 1),
        "steps": len(steps),
        "tokens_per_second, about": round(tokens / seconds),
        "loss_by_epoch": [round(loss, 3) for loss in losses],
        "peak_mb": round(peak),
    }


def _memory(folder: JobFolder) -> float:
    try:
        process = psutil.Process(int(folder.process_id.read_text()))
        return float(process.memory_info().rss) / MEGABYTE
    except (OSError, ValueError, psutil.Error):
        return 0.0
