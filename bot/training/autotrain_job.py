"""
The training child of trainer ``autotrain``: AutoTrain Advanced in its own virtual environment.

Run as ``python -m bot.training.autotrain_job FOLDER PYTHON`` by ``bot.training.local``. Writes
the project, runs ``autotrain --config`` in it, follows its log, and makes of the peft adapter what
every trainer of this machine leaves. AutoTrain keeps no checkpoints: what is ended begins anew.
Should this process alone be killed, AutoTrain goes on, and the next life finds what it made.
"""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from bot.engines.adapter_files import WEIGHTS
from bot.training.artefact import finish
from bot.training.autotrain_log import LoggedStep, reason_in, says_it_failed, steps_in
from bot.training.autotrain_project import (
    CONFIG,
    ENVIRONMENT,
    RESULT,
    Plan,
    write_project,
)
from bot.training.autotrain_rows import prepared
from bot.training.errors import AutoTrainFailedError, AutoTrainMissingError, DivergedError
from bot.training.job_folder import JobFolder, appended
from bot.training.job_process import run_job

LOOK_SECONDS = 0.5
#: Of our environment it gets what a program needs, and no key of anybody's.
_PASSED_ON = (
    "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "USER", "CUDA_VISIBLE_DEVICES",
    "GOMP_SPINCOUNT", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY",
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE",
)  # fmt: skip


def train(folder: JobFolder) -> None:
    """
    Let AutoTrain train the job in ``folder`` and leave its adapter there.

    Raises:
        BotError: a sentence why not.
        OSError: a file cannot be written.
    """
    started = time.monotonic()
    base, asked, models_dir = folder.read_job()
    rows, rehearsal = folder.read_rows(), folder.read_rows("rehearsal")
    ready = prepared(base, models_dir, asked, rows, rehearsal)
    if adapter_in(folder) is None:
        write_project(folder.project, ready.plan, rows, rehearsal, ready.weights)
        _run(folder, Path(sys.argv[2]), asked.threads, started)
    else:
        with appended(folder.metrics, ()) as report:
            for step in steps_in(_log_of(folder)):
                report(_line(step, 0.0, 0.0))
    adapter = adapter_in(folder)
    if adapter is None:
        if reason := reason_in(_log_of(folder)):
            raise AutoTrainFailedError(reason, folder.project_log)
        # It died without a word, or was killed: `bot.training.local` decides whether to try again.
        sys.exit(f"AutoTrain left no adapter. What it said is in {folder.project_log}.")
    record = _record(folder, ready.plan)
    folder.write_record(record)
    adapted = _adapted(ready.weights, folder.project / RESULT, adapter)
    finish(folder, adapted, ready.tokenizer, base, ready.weights, started, record, acts_on_all=True)


def adapter_in(folder: JobFolder) -> Mapping[str, Any] | None:
    """
    The matrices AutoTrain made; None if there are none, or not all of them.

    Raises:
        AutoTrainFailedError: it says itself that it failed.
    """
    if says_it_failed(_log_of(folder)):
        reason = reason_in(_log_of(folder)) or "it does not say why"
        raise AutoTrainFailedError(reason, folder.project_log)
    result = folder.project / RESULT
    # The page is what AutoTrain writes last.
    if not (result / "README.md").exists():
        return None
    try:
        return dict(load_file(result / WEIGHTS))
    except (OSError, SafetensorError):
        return None


def _log_of(folder: JobFolder) -> list[str]:
    """Its lines so far; a progress bar writes many over one another."""
    if not folder.project_log.exists():
        return []
    return folder.project_log.read_text(errors="replace").split("\n")


def _run(folder: JobFolder, python: Path, threads: int, started: float) -> None:
    command = python.parent / "autotrain"
    if not command.exists():
        raise AutoTrainMissingError(python)
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= ENVIRONMENT | {
        # It starts `accelerate` by its name.
        "PATH": f"{python.parent.absolute()}{os.pathsep}{environment.get('PATH', os.defpath)}",
        # What it keeps of the rows goes with the project.
        "HF_HOME": str(folder.project / "cache"),
        "HF_DATASETS_CACHE": str(folder.project / "cache" / "datasets"),
        "PYTHONUNBUFFERED": "1",
    }
    # `accelerate` uses one core where it is not told otherwise.
    if threads or "OMP_NUM_THREADS" not in environment:
        environment["OMP_NUM_THREADS"] = str(threads or os.cpu_count() or 1)
    with folder.project_log.open("wb") as output:
        process = subprocess.Popen(
            [str(command.absolute()), "--config", CONFIG],
            cwd=folder.project,
            env=environment,
            # Inherited: the job's lock, which is held as long as anything of this runs.
            stdin=None,
            stdout=output,
            stderr=output,
        )
    with _ended_with_us(process):
        _follow(folder, process, started)


def _follow(folder: JobFolder, process: "subprocess.Popen[bytes]", started: float) -> None:
    """Copy the steps of its log until it ends."""
    shown, rest = 0, ""
    last = time.monotonic()
    with appended(folder.metrics, ()) as report, folder.project_log.open(errors="replace") as log:
        is_over = False
        while not is_over:
            # Looked at once more after the end, for what came in between.
            is_over = process.poll() is not None
            *lines, rest = (rest + log.read()).split("\n")
            now = time.monotonic()
            new = list(steps_in(lines, shown))
            for step in new:
                report(_line(step, (now - last) / len(new), now - started))
            if new:
                shown, last = new[-1].step, now
            if not is_over:
                time.sleep(LOOK_SECONDS)


def _line(step: LoggedStep, seconds: float, since_start: float) -> dict[str, Any]:
    """
    Raises:
        DivergedError: its loss is no number.
    """
    if not step.is_finite:
        raise DivergedError(step.step)
    return {
        "step": step.step,
        "total_steps": step.total_steps,
        "loss": round(step.loss, 5),
        "learning_rate": step.learning_rate,
        "tokens_per_second": None,
        "seconds_left": round(seconds * (step.total_steps - step.step), 1),
        "seconds": round(since_start, 1),
    }


@contextmanager
def _ended_with_us(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Leave nothing running when we give up: what AutoTrain started is of our process group."""
    try:
        yield
    finally:
        if process.poll() is None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(os.getpgrp(), signal.SIGTERM)
            process.wait()


def _record(folder: JobFolder, plan: Plan) -> dict[str, Any]:
    steps = folder.read_metrics()
    return {
        "hyperparameters": plan.as_record(),
        "trained_tokens": plan.tokens,
        "steps": len(steps),
    }


def _adapted(weights: Path, result: Path, adapter: Mapping[str, Any]) -> Any:
    """
    The base with AutoTrain's matrices.

    Embeddings that it resized and saved along were not trained, and are left out.
    """
    model = AutoModelForCausalLM.from_pretrained(weights, dtype="float32")
    config = LoraConfig.from_pretrained(str(result))
    config.inference_mode = False
    adapted = get_peft_model(model, config)
    lora = {name: tensor for name, tensor in adapter.items() if ".lora_" in name}
    wanted = {
        name.replace(".default.", "."): tensor.shape
        for name, tensor in adapted.state_dict().items()
        if ".lora_" in name
    }
    if {name: tensor.shape for name, tensor in lora.items()} != wanted:
        raise AutoTrainFailedError("its adapter does not fit the base model", result)
    if not all(math.isfinite(float(tensor.sum())) for tensor in lora.values()):
        raise AutoTrainFailedError("its adapter holds what is no number", result)
    set_peft_model_state_dict(adapted, lora)
    return adapted


if __name__ == "__main__":
    run_job(train)
