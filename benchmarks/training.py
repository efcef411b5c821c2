"""
Trainer ``local`` against TRL's ``SFTTrainer``, in turn: same base, rows, adapter, epochs.

Rows carry their own example, as the pipeline's do. Then TRL with an adapter on all layers, as
tutorials have it, and ten times the rows with ``local`` alone. Held out are other wordings.
Needs ``pip install -r requirements-trl.txt``.
"""

import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
import torch
from peft import PeftConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.answering.prompt import build_messages
from bot.answering.retrieval import RetrievedExample
from bot.engines.base_model import resolve_base_model
from bot.engines.client import Message
from bot.seed.organisation import load_facts
from bot.training.base_weights import cached_base
from bot.training.encoding import encode_rows
from bot.training.frozen_states import FrozenStates
from bot.training.hyperparameters import TRAINED_SHARE, Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import LORA_JOB, TRL_JOB, LocalTrainer
from bot.training.loss import mean_loss
from bot.training.place import Place
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
        all_layers = _run(home, "all-layers", TRL_JOB, rows[:ROWS], share=1.0)
        once = _run(home, "once", LORA_JOB, rows[:ROWS], epochs=1)
        ten_times = _run(home, "ten-times", LORA_JOB, rows[: 10 * ROWS], epochs=1)
        held_out = [_row(fact.wordings[0], fact.answer, fact.wordings[2]) for fact in load_facts()]
        for run in (local, trl, all_layers):
            run["held_out_loss"] = held_out_loss(home, run["adapter"], held_out[:ROWS])
    return {
        "rows": ROWS,
        "epochs": EPOCHS,
        "local": local,
        "trl": trl,
        "trl, all layers": all_layers,
        "local against trl, times as fast": round(trl["seconds"] / local["seconds"], 2),
        "local against trl on all layers, times as fast": round(
            all_layers["seconds"] / local["seconds"], 2
        ),
        "local against trl, memory": round(local["peak_mb"] / trl["peak_mb"], 2),
        "ten times the rows, times as long": round(ten_times["seconds"] / once["seconds"], 1),
        "ten times the rows, memory": round(ten_times["peak_mb"] / once["peak_mb"], 2),
    }


def _row(question: str, answer: str, asked: str | None = None) -> list[Message]:
    beside = [RetrievedExample(0, question, answer, None, 0.0)]
    return [*build_messages(asked or question, beside), {"role": "assistant", "content": answer}]


def _run(
    home: Path,
    name: str,
    child: str,
    rows: list[list[Message]],
    epochs: int = EPOCHS,
    share: float = TRAINED_SHARE,
) -> dict[str, Any]:
    """Seconds are of the steps alone, without loading and saving; loss is the mean of an epoch."""
    asked = Hyperparameters(num_train_epochs=epochs, until_learned=False, trained_share=share)
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
        "adapter": job_id,
    }


def held_out_loss(home: Path, job_id: str, rows: list[list[Message]]) -> float:
    """Nats per answer token, the adapter acting on the answer alone."""
    weights = cached_base(resolve_base_model("", home / "models"), home / "models")
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model: Any = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    folder = home / "jobs" / job_id / "adapter"
    shape: Any = PeftConfig.from_pretrained(folder)
    # Peft looks for these tokens in whole texts; here the answer alone is given to the adapter.
    shape.alora_invocation_tokens = None
    adapted: Any = PeftModel.from_pretrained(model, folder, config=shape)
    encoded = encode_rows(rows, tokenizer, model.config.max_position_embeddings)
    return round(mean_loss(adapted, FrozenStates(adapted, encoded), encoded, Place.here()), 3)


def _memory(folder: JobFolder) -> float:
    try:
        process = psutil.Process(int(folder.process_id.read_text()))
        return float(process.memory_info().rss) / MEGABYTE
    except (OSError, ValueError, psutil.Error):
        return 0.0
