"""
The training child: one LoRA run, read top to bottom.

Run as ``python -m bot.training.lora_job FOLDER`` by trainer ``local``, which hands over the
folder's lock. The frozen base reads each prompt once; the adapter acts, and is trained, from the
answer's first token on. Ends with ``adapter/`` or ``failure.json``, resumes from a checkpoint.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.training.artefact import save_artefact
from bot.training.base_weights import cached_base
from bot.training.batches import learning_rate, plan_batches
from bot.training.checkpoint import read_best, read_checkpoint, write_best, write_checkpoint
from bot.training.encoding import EncodedRow, encode_rows
from bot.training.errors import DivergedError
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder, appended, write_whole
from bot.training.job_process import run_job
from bot.training.loss import batch_loss, mean_loss
from bot.training.prompt_states import PromptStates
from bot.training.stopping import Stopping

CHECKPOINT_SECONDS = 20.0
#: Steps the speed is averaged over for the time left.
SPEED_STEPS = 20


def train(folder: JobFolder) -> None:
    """
    Train the job in ``folder`` and leave its adapter there.

    Raises:
        BotError: a sentence why not.
        OSError: a file cannot be written.
    """
    started = time.monotonic()
    base, asked, models_dir = folder.read_job()
    if asked.threads:
        torch.set_num_threads(asked.threads)

    weights = cached_base(base, models_dir)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    rows, validation, rehearsal = (
        encode_rows(folder.read_rows(name), tokenizer, model.config.max_position_embeddings)
        for name in ("rows", "validation", "rehearsal")
    )
    settings = asked.resolved(len(rows), sum(len(row.answer) for row in rows))
    # Here and not earlier: dequantising the base the first time draws random numbers too.
    torch.manual_seed(settings.seed)
    learned = [*rows, *rehearsal]
    adapted = get_peft_model(model, lora_config(settings))
    learner = Learner(adapted, settings, PromptStates(adapted, [*learned, *validation]))
    plan = plan_batches(
        rows,
        batch_size=settings.batch_size or 1,
        epochs=settings.epochs(len(rows)),
        seed=settings.seed,
        rehearsal=len(rehearsal),
    )
    steps_an_epoch = len(plan) // settings.epochs(len(rows))
    first = read_checkpoint(folder.checkpoint, adapted, learner.optimizer)
    stopping = Stopping(steps_an_epoch, bool(settings.until_learned), folder.read_metrics()[:first])
    saved = time.monotonic()
    times = [saved]
    with appended(folder.metrics, stopping.steps) as report:
        for step in range(first, len(plan)):
            if stopping.is_over:
                break
            loss, tokens = learner.step([learned[number] for number in plan[step]], step, len(plan))
            if not math.isfinite(loss):
                raise DivergedError(step + 1)
            times = [*times[-SPEED_STEPS:], time.monotonic()]
            seconds = (times[-1] - times[0]) / (len(times) - 1)
            line = {
                "step": step + 1,
                "total_steps": len(plan),
                "loss": round(loss, 5),
                "learning_rate": learner.rate,
                "tokens_per_second": round(tokens / (times[-1] - times[-2]), 1),
                "seconds_left": round(seconds * (len(plan) - step - 1), 1),
                "seconds": round(times[-1] - started, 1),
                "tokens": tokens,
                "rehearsal": plan[step][0] >= len(rows),
            }
            if validation and (step + 1) % steps_an_epoch == 0:
                line["valid_loss"] = round(mean_loss(adapted, learner.states, validation), 5)
            stopping.add(line)
            if stopping.is_over:
                line |= {"total_steps": step + 1, "seconds_left": 0.0}
            if stopping.is_best:
                write_best(folder.best, adapted)
            report(line)
            if times[-1] - saved > CHECKPOINT_SECONDS:
                write_checkpoint(folder.checkpoint, adapted, learner.optimizer, step + 1)
                saved = time.monotonic()

    if stopping.has_better_epoch:
        read_best(folder.best, adapted)
    record = {
        "hyperparameters": asdict(settings),
        "trained_tokens": sum(step["tokens"] for step in stopping.steps),
        "steps": len(stopping.steps),
        "valid_loss": stopping.best_loss,
    }
    write_whole(folder.record, json.dumps(record, indent=1).encode())
    save_artefact(
        folder,
        adapted,
        tokenizer,
        base=base,
        weights=weights,
        facts={"rows": len(rows), "seconds": time.monotonic() - started, **record},
    )
    folder.discard_checkpoints()


def lora_config(settings: Hyperparameters) -> LoraConfig:
    """The adapter's shape, the same for every trainer of this machine."""
    assert settings.lora_r is not None
    assert settings.lora_alpha is not None
    return LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


class Learner:
    """The optimizer and what a step needs."""

    def __init__(self, adapted: Any, settings: Hyperparameters, states: PromptStates) -> None:
        assert settings.learning_rate is not None
        self._adapted = adapted
        self._highest = settings.learning_rate
        self._trained = [tensor for tensor in adapted.parameters() if tensor.requires_grad]
        self.states = states
        self.rate = self._highest
        self.optimizer = torch.optim.AdamW(self._trained, lr=self._highest, weight_decay=0.0)

    def step(self, rows: Sequence[EncodedRow], step: int, total: int) -> tuple[float, int]:
        """Learn from one batch; return its loss per answer token and how many tokens it has."""
        self.rate = learning_rate(step, total, self._highest)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        loss, tokens = batch_loss(self._adapted, self.states, rows)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach()), tokens


if __name__ == "__main__":
    run_job(train)
