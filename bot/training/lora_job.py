"""
The training child: one LoRA run, read top to bottom.

Run as ``python -m bot.training.lora_job FOLDER`` by trainer ``local``, which hands over the
folder's lock. The frozen base reads each prompt once; the adapter acts, and is trained, from the
answer's first token on, in the upper layers. Ends with ``adapter/`` or ``failure.json``, resumes
from a checkpoint. Under ``accelerate launch`` several processes run this at once and share each
batch.
"""

import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from peft import get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engines.intact import sha256_of
from bot.training.artefact import finish
from bot.training.base_weights import cached_base
from bot.training.batches import plan_batches
from bot.training.checkpoint import read_best, read_checkpoint, write_best, write_checkpoint
from bot.training.encoding import EncodedRow, encode_rows
from bot.training.errors import DivergedError
from bot.training.frozen_states import FrozenStates
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder, appended
from bot.training.job_process import run_job
from bot.training.learner import Learner, lora_config
from bot.training.loss import mean_loss
from bot.training.place import Place, compute_again
from bot.training.stopping import Stopping

CHECKPOINT_SECONDS = 20.0
#: Steps the speed is averaged over for the time left.
SPEED_STEPS = 20


@dataclass(frozen=True)
class Lessons:
    """All rows by what they are for, and in which order they are learned."""

    rows: list[EncodedRow]
    validation: list[EncodedRow]
    rehearsal: list[EncodedRow]
    plan: list[list[int]]
    steps_an_epoch: int

    @property
    def learned(self) -> list[EncodedRow]:
        """What the numbers of the plan count."""
        return [*self.rows, *self.rehearsal]


def train(folder: JobFolder) -> None:
    """
    Train the job in ``folder`` and leave its adapter there.

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
    model: Any = AutoModelForCausalLM.from_pretrained(weights, dtype=place.dtype)
    model.to(place.device)
    lessons, settings = _plan(folder, asked, tokenizer, model.config.max_position_embeddings)
    # Here and not earlier: dequantising the base the first time draws random numbers too.
    torch.manual_seed(settings.seed)
    adapted = get_peft_model(model, lora_config(settings, model))
    if place.is_gpu:
        compute_again(adapted)
    states = FrozenStates(adapted, [*lessons.learned, *lessons.validation])
    stopping = _learn(folder, Learner(adapted, settings, states, place), lessons, settings, started)
    # Nobody reads the best epoch before it is written whole.
    if stopping.has_better_epoch and place.agreed(True):
        read_best(folder.best, adapted)
    adapted, preferences = _prefer(folder, adapted, tokenizer, settings, place)
    if not place.is_first:
        return
    record = {
        "hyperparameters": asdict(settings),
        "processes": place.count,
        "trained_tokens": sum(step["tokens"] for step in stopping.steps),
        "steps": len(stopping.steps),
        "valid_loss": stopping.best_loss,
        **preferences,
    }
    folder.write_record(record)
    finish(folder, adapted.eval(), tokenizer, base, weights, started, record)


def _plan(
    folder: JobFolder, asked: Hyperparameters, tokenizer: Any, limit: int
) -> tuple[Lessons, Hyperparameters]:
    rows, validation, rehearsal = (
        encode_rows(folder.read_rows(name), tokenizer, limit)
        for name in ("rows", "validation", "rehearsal")
    )
    settings = asked.resolved(len(rows), sum(len(row.answer) for row in rows))
    epochs = settings.epochs(len(rows))
    plan = plan_batches(
        rows,
        batch_size=settings.batch_size or 1,
        epochs=epochs,
        seed=settings.seed,
        rehearsal=len(rehearsal),
    )
    return Lessons(rows, validation, rehearsal, plan, len(plan) // epochs), settings


def _prefer(
    folder: JobFolder, adapted: Any, tokenizer: Any, settings: Hyperparameters, place: Place
) -> tuple[Any, dict[str, Any]]:
    """Learn from pairs of answers after the rows, where there are any; and what to record."""
    pairs = folder.read_pairs()
    if not pairs:
        return adapted, {}
    # TRL takes seconds to import, and is optional.
    from bot.training.dpo import encode_pairs, prefer

    encoded = encode_pairs(pairs, tokenizer, adapted.config.max_position_embeddings)
    scratch = folder.path / "checkpoints"
    adapted, found = prefer(adapted, tokenizer, encoded, settings, place, scratch)
    return adapted, {"preferences": found | {"hash": sha256_of(folder.path / "pairs.jsonl")}}


def _learn(
    folder: JobFolder,
    learner: Learner,
    lessons: Lessons,
    settings: Hyperparameters,
    started: float,
) -> Stopping:
    """Make all steps that are left; every process does, and the first one writes them down."""
    place, learned, total = learner.place, lessons.learned, len(lessons.plan)
    first = read_checkpoint(folder.checkpoint, learner.adapted, learner.optimizer)
    reported = folder.read_metrics()[:first]
    stopping = Stopping(lessons.steps_an_epoch, bool(settings.until_learned), reported)
    saved = time.monotonic()
    times = [saved]
    with appended(folder.metrics, reported) if place.is_first else nullcontext() as report:
        for step in range(first, total):
            if stopping.is_over:
                break
            batch = lessons.plan[step]
            loss, tokens = learner.step([learned[number] for number in batch], step, total)
            if not math.isfinite(loss):
                raise DivergedError(step + 1)
            times = [*times[-SPEED_STEPS:], time.monotonic()]
            line = _line(step + 1, total, times) | {
                "loss": round(loss, 5),
                "learning_rate": learner.rate,
                "tokens_per_second": round(tokens / (times[-1] - times[-2]), 1),
                "seconds": round(times[-1] - started, 1),
                "tokens": tokens,
                "rehearsal": batch[0] >= len(lessons.rows),
            }
            if lessons.validation and (step + 1) % lessons.steps_an_epoch == 0:
                valid_loss = mean_loss(learner.adapted, learner.states, lessons.validation, place)
                line["valid_loss"] = round(valid_loss, 5)
            stopping.add(line)
            if stopping.is_over:
                line |= {"total_steps": step + 1, "seconds_left": 0.0}
            if report is None:
                continue
            if stopping.is_best:
                write_best(folder.best, learner.adapted)
            report(line)
            if times[-1] - saved > CHECKPOINT_SECONDS:
                write_checkpoint(folder.checkpoint, learner.adapted, learner.optimizer, step + 1)
                saved = time.monotonic()
    # What follows may take long, and a crash there shall not cost the steps again.
    if place.is_first:
        write_checkpoint(folder.checkpoint, learner.adapted, learner.optimizer, len(stopping.steps))
    return stopping


def _line(step: int, total: int, times: list[float]) -> dict[str, Any]:
    """How far it is; ``times`` are the ends of the newest steps."""
    seconds = (times[-1] - times[0]) / (len(times) - 1)
    left = round(seconds * (total - step), 1)
    return {"step": step, "total_steps": total, "seconds_left": left}


if __name__ == "__main__":
    run_job(train)
