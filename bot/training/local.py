"""
Trainers ``local``, ``trl`` and ``autotrain``: a child process per job here, followed through its
folder.

Keeps nothing in memory that a restart of the bot would miss. A child that dies is started again
and goes on from its last checkpoint, if it keeps any. Imports no torch.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import RLock, Thread

from bot.engines.base_model import BaseModel
from bot.engines.child_environment import child_environment
from bot.engines.client import Message
from bot.errors import TrainingError
from bot.training.base_weights import is_cached
from bot.training.errors import (
    JobNotFinishedError,
    JobUnknownError,
    NoRowsError,
    TrainingDiskError,
)
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.trainer import Adapter, JobState, JobStatus, Metric

log = logging.getLogger(__name__)

#: A child that dies this often without a word will not do better the next time.
MAX_STARTS = 3
STOP_SECONDS = 10.0
#: The modules that train a folder.
LORA_JOB = "bot.training.lora_job"
TRL_JOB = "bot.training.trl_job"
AUTOTRAIN_JOB = "bot.training.autotrain_job"
#: In the environment of processes that ``accelerate launch`` starts.
LAUNCHED = "APPRENTICE_LAUNCHED"


class LocalTrainer:
    """See ``bot.training.trainer.Trainer`` for what the methods promise and raise."""

    def __init__(
        self,
        jobs_dir: Path,
        models_dir: Path,
        hyperparameters: Hyperparameters | None = None,
        *,
        child: str = LORA_JOB,
        arguments: Sequence[str] = (),
        accelerate_config: Path | None = None,
    ) -> None:
        """
        ``models_dir`` keeps the base model's weights between runs; ``child`` is the module that
        trains a folder: ``LORA_JOB``, ``TRL_JOB`` for trainer ``trl``, or ``AUTOTRAIN_JOB``;
        ``arguments`` is what it is told besides the folder. With an ``accelerate_config`` it is
        started by ``accelerate launch``, in the processes named there.
        """
        self._child = child
        self._arguments = list(arguments)
        self._accelerate_config = accelerate_config
        self._jobs_dir = jobs_dir
        self._models_dir = models_dir
        self._hyperparameters = hyperparameters or Hyperparameters()
        self._turn = RLock()
        self._stopped = False
        self._preparing: subprocess.Popen[bytes] | None = None

    def prepare(self, base: BaseModel) -> None:
        """
        Begin to dequantise the base in the background, so that the first run need not; returns
        at once. Nothing depends on it: a run does what is missing.
        """
        if is_cached(base, self._models_dir):
            return
        self._models_dir.mkdir(parents=True, exist_ok=True)
        task = asdict(base) | {"models_dir": self._models_dir.resolve()}
        with (self._models_dir / "prepare.log").open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "bot.training.base_weights"],
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        assert child.stdin is not None
        with suppress(BrokenPipeError), child.stdin:
            child.stdin.write(json.dumps(task, default=str).encode())
        Thread(target=child.wait, name="reap-prepare", daemon=True).start()
        self._preparing = child

    def start(
        self,
        name: str,
        rows: Sequence[Sequence[Message]],
        base: BaseModel,
        *,
        validation: Sequence[Sequence[Message]] = (),
        rehearsal: Sequence[Sequence[Message]] = (),
        snapshot: str = "",
        pairs: Sequence[tuple[Sequence[Message], str]] = (),
    ) -> str:
        """
        Start the job of this name, or return the one that is already there. ``pairs`` are chats,
        each with a wrong answer to its question, that ``LORA_JOB`` learns from last.
        """
        if not rows:
            raise NoRowsError
        folder = self._folder(name)
        with self._turn:
            self._stopped = False
            if folder.exists():
                return name
            try:
                folder.create(
                    rows,
                    base,
                    self._hyperparameters,
                    self._models_dir,
                    validation,
                    rehearsal,
                    pairs,
                )
            except OSError as error:
                raise TrainingDiskError(error) from error
            folder.note(f"The job was written: {len(rows)} rows for {self._child}.")
            self._spawn(folder)
        return name

    def status(self, job_id: str) -> JobStatus:
        """Report on the job; start its child again if it died."""
        folder = self._known(job_id)
        with self._turn:
            state, error = self._state(folder)
        steps = folder.read_metrics()
        last = steps[-1] if steps else {}
        # The loss of general rows says nothing about what is being learned.
        own = [step for step in steps if not step.get("rehearsal")]
        return JobStatus(
            state=state,
            step=last.get("step"),
            total_steps=last.get("total_steps"),
            loss=own[-1]["loss"] if own else None,
            seconds_left=last.get("seconds_left"),
            metrics=[
                Metric(s["step"], s["loss"], s["tokens_per_second"], s.get("valid_loss"))
                for s in own
            ],
            error=error,
            record=folder.read_record() | {"events": folder.read_events()},
        )

    def result(self, job_id: str) -> Adapter:
        """Return the finished adapter."""
        folder = self._known(job_id)
        status = self.status(job_id)
        if status.state != JobState.SUCCEEDED:
            raise JobNotFinishedError(job_id, status.state)
        return Adapter.at(folder.adapter)

    def cancel(self, job_id: str) -> None:
        """End the job and remove what it began."""
        folder = self._folder(job_id)
        with self._turn:
            if not folder.exists() or folder.adapter.exists() or folder.failure.exists():
                return
            folder.cancelled.touch()
            self._end(folder)
            folder.discard()
            folder.note("Cancelled.")

    @property
    def can_pause(self) -> bool:
        """AutoTrain keeps no checkpoints: what it did so far would be lost."""
        return self._child != AUTOTRAIN_JOB

    def pause(self, job_id: str) -> None:
        """End the child; what it learned since its last checkpoint is learned again."""
        folder = self._known(job_id)
        with self._turn:
            if folder.adapter.exists() or folder.failure.exists() or folder.cancelled.exists():
                return
            folder.paused.touch()
            self._end(folder)
            folder.note("Paused.")
            # A child that was told to end did not die.
            folder.starts.unlink(missing_ok=True)

    def resume(self, job_id: str) -> None:
        """Let the child go on from its checkpoint: the next ``status`` starts it."""
        folder = self._known(job_id)
        if folder.paused.exists():
            folder.paused.unlink(missing_ok=True)
            folder.note("Resumed.")

    def stop(self) -> None:
        """End the children for now, as the bot ends; ``status`` lets them go on later."""
        with self._turn:
            self._stopped = True
            if self._preparing and self._preparing.returncode is None:
                self._preparing.terminate()
            for path in self._jobs_dir.glob("*/job.json"):
                folder = JobFolder(path.parent)
                if folder.is_running():
                    self._end(folder)
                    folder.starts.unlink(missing_ok=True)

    def _state(self, folder: JobFolder) -> tuple[JobState, str | None]:
        if folder.adapter.exists():
            return JobState.SUCCEEDED, None
        if folder.cancelled.exists():
            return JobState.CANCELLED, None
        if folder.failure.exists():
            return JobState.FAILED, json.loads(folder.failure.read_text())["error"]
        if self._stopped or folder.paused.exists() or folder.is_running():
            return JobState.RUNNING, None
        # It may have finished between the first look and this one.
        if folder.adapter.exists() or folder.failure.exists():
            return self._state(folder)
        return self._start_again(folder)

    def _start_again(self, folder: JobFolder) -> tuple[JobState, str | None]:
        if self._starts(folder) >= MAX_STARTS:
            sentence = str(_died(folder))
            with suppress(OSError):
                folder.fail(sentence)
            return JobState.FAILED, sentence
        log.warning("No training process works on %s; starting one", folder.path.name)
        self._spawn(folder)
        return JobState.RUNNING, None

    def _spawn(self, folder: JobFolder) -> None:
        """Start the child; it and what it starts hold the folder's lock as their stdin."""
        descriptor = folder.acquire()
        if descriptor is None:
            return
        try:
            # An id from before could belong to anybody by now.
            folder.process_id.unlink(missing_ok=True)
            folder.starts.write_text(str(self._starts(folder) + 1))
            with folder.log.open("ab") as output:
                child = subprocess.Popen(
                    [
                        *self._launcher(),
                        *("-m", self._child, str(folder.path.resolve())),
                        *self._arguments,
                    ],
                    env=self._environment(),
                    # The file is empty, so to read it is to read nothing.
                    stdin=descriptor,
                    stdout=output,
                    stderr=output,
                    # Ctrl-C is for the bot, which then calls `stop`. What the child starts ends
                    # with it: they are one process group.
                    start_new_session=True,
                )
            if self._accelerate_config:
                # The processes write it too, as they begin; a launcher may wait long for them.
                folder.process_id.write_text(str(child.pid))
            folder.note("A training process was started.")
            # Only so that it leaves no zombie; whether it lives, its lock says.
            Thread(target=child.wait, name=f"reap-{folder.path.name}", daemon=True).start()
        except OSError as error:
            raise TrainingDiskError(error) from error
        finally:
            os.close(descriptor)

    def _launcher(self) -> list[str]:
        if self._accelerate_config is None:
            return [sys.executable]
        config = str(self._accelerate_config.resolve())
        launch = ["-m", "accelerate.commands.launch", "--config_file", config]
        return [sys.executable, *launch]

    def _environment(self) -> dict[str, str]:
        return child_environment() | ({LAUNCHED: "1"} if self._accelerate_config else {})

    def _end(self, folder: JobFolder) -> None:
        """End the child and what it started; the lock says when all of them are gone."""
        deadline = time.monotonic() + STOP_SECONDS
        while folder.is_running():
            late = time.monotonic() > deadline
            with suppress(FileNotFoundError, ValueError, ProcessLookupError):
                # The lock is held, so the group whose id was written still has a member.
                os.killpg(
                    int(folder.process_id.read_text()), signal.SIGKILL if late else signal.SIGTERM
                )
            time.sleep(0.05)

    def _starts(self, folder: JobFolder) -> int:
        with suppress(FileNotFoundError, ValueError):
            return int(folder.starts.read_text())
        return 0

    def _folder(self, job_id: str) -> JobFolder:
        return JobFolder(self._jobs_dir / job_id)

    def _known(self, job_id: str) -> JobFolder:
        folder = self._folder(job_id)
        if not folder.exists():
            raise JobUnknownError(job_id)
        return folder


def _died(folder: JobFolder) -> TrainingError:
    return TrainingError(
        f"The training process ended {MAX_STARTS} times without a word, as it does when the "
        f"machine runs out of memory. Its log is {folder.log}."
    )
