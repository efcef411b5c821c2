"""
The training child of trainer ``trl``: the reference everybody knows, TRL's ``SFTTrainer``.

Run as ``python -m bot.training.trl_job FOLDER``, like ``lora_job``: same rows, same adapter, same
files. Slower, because it reads every prompt again at every step; what it is for is to be
compared with, and to be taken where its features are wanted.
"""

import math
import time
from contextlib import nullcontext
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from bot.training.artefact import finish
from bot.training.base_weights import cached_base
from bot.training.batches import IGNORED, WARM_UP
from bot.training.encoding import EncodedRow, encode_rows, invocation_tokens
from bot.training.errors import DivergedError
from bot.training.hyperparameters import REHEARSE_EVERY, Hyperparameters
from bot.training.job_folder import JobFolder, appended
from bot.training.job_process import run_job
from bot.training.learner import lora_config
from bot.training.lora_job import CHECKPOINT_SECONDS
from bot.training.place import Place


def train(folder: JobFolder) -> None:
    """
    Train the job in ``folder`` with TRL and leave its adapter there.

    Raises:
        BotError: a sentence why not.
        OSError: a file cannot be written.
    """
    started = time.monotonic()
    place = Place.here()
    base, asked, models_dir = folder.read_job()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    weights = cached_base(base, models_dir)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    limit = model.config.max_position_embeddings
    rows = encode_rows(folder.read_rows(), tokenizer, limit)
    validation, rehearsal = (
        encode_rows(folder.read_rows(name), tokenizer, limit)
        for name in ("validation", "rehearsal")
    )
    settings = asked.resolved(len(rows), sum(len(row.answer) for row in rows))
    torch.manual_seed(settings.seed)

    shape = lora_config(settings, model)
    shape.alora_invocation_tokens = list(invocation_tokens(tokenizer))
    checkpoints = folder.path / "checkpoints"
    last = _last_checkpoint(checkpoints)
    steps_done = int(last.name.rpartition("-")[2]) if last else 0
    kept = folder.read_metrics()[:steps_done]
    with appended(folder.metrics, kept) if place.is_first else nullcontext() as report:
        trainer = SFTTrainer(
            model=model,
            args=_config(settings, checkpoints, place, has_validation=bool(validation)),
            train_dataset=_dataset(_mixed(rows, rehearsal)),
            eval_dataset=_dataset(validation) if validation else None,
            processing_class=tokenizer,
            peft_config=shape,
            callbacks=[_Report(report, started, place)],
        )
        trainer.train(resume_from_checkpoint=str(last) if last else None)

    if not place.is_first:
        return
    steps = folder.read_metrics()
    adapted_tokens = sum(len(row.adapted) for row in rows)
    record = {
        "hyperparameters": asdict(settings),
        "processes": place.count,
        "trained_tokens": adapted_tokens * (settings.num_train_epochs or 0),
        "steps": len(steps),
    }
    folder.write_record(record)
    finish(folder, trainer.model, tokenizer, base, weights, started, record)


def _config(
    settings: Hyperparameters, checkpoints: Path, place: Place, *, has_validation: bool
) -> SFTConfig:
    """What trainer ``local`` does, in TRL's words; a GPU gets what only a GPU can."""
    return SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=math.ceil((settings.batch_size or 1) / place.count),
        num_train_epochs=settings.num_train_epochs or 1,
        learning_rate=settings.learning_rate or 0.0,
        lr_scheduler_type="cosine",
        warmup_steps=WARM_UP,
        weight_decay=0.0,
        max_grad_norm=1.0,
        max_length=None,
        packing=False,
        use_cpu=not place.is_gpu,
        bf16=place.dtype == torch.bfloat16,
        gradient_checkpointing=place.is_gpu,
        eval_strategy="epoch" if has_validation else "no",
        # Decided by the clock, in `_Report`.
        save_strategy="no",
        save_total_limit=1,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        seed=settings.seed,
    )


def _mixed(rows: list[EncodedRow], rehearsal: list[EncodedRow]) -> list[EncodedRow]:
    """General rows in the share in which trainer ``local`` mixes them in."""
    return [*rows, *islice(cycle(rehearsal), len(rows) // REHEARSE_EVERY)]


def _dataset(rows: list[EncodedRow]) -> Dataset:
    """Our own tokens, so that both trainers learn from the same."""
    return Dataset.from_list(
        [
            {
                "input_ids": list(row.prompt + row.adapted),
                "labels": [IGNORED] * len(row.prompt + row.invocation) + list(row.answer),
            }
            for row in rows
        ]
    )


def _last_checkpoint(checkpoints: Path) -> Path | None:
    """The newest checkpoint that is whole: its state is what is written last."""
    whole = [path.parent for path in checkpoints.glob("checkpoint-*/trainer_state.json")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


class _Report(TrainerCallback):
    """One line of ``metrics.jsonl`` a step, and a checkpoint now and then."""

    def __init__(self, report: Any, started: float, place: Place) -> None:
        """``report`` is None in all processes but the first."""
        self._report = report
        self._place = place
        self._started = started
        self._last = self._saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self._place.agreed(time.monotonic() - self._saved > CHECKPOINT_SECONDS):
            self._saved = time.monotonic()
            control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if "loss" not in (logs or {}):
            return
        if not math.isfinite(logs["loss"]):
            raise DivergedError(state.global_step)
        if self._report is None:
            return
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        self._report(
            {
                "step": state.global_step,
                "total_steps": state.max_steps,
                "loss": round(logs["loss"], 5),
                "learning_rate": logs.get("learning_rate"),
                "tokens_per_second": None,
                "seconds_left": round(seconds * (state.max_steps - state.global_step), 1),
                "seconds": round(now - self._started, 1),
            }
        )


if __name__ == "__main__":
    run_job(train)
