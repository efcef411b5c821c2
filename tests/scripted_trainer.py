"""
A complete trainer without a model: jobs run by being looked at, and outlive a kill.

Every look at a running job moves it ``steps_a_look`` steps. Jobs are files, so another process
finds them; ``starts.log`` remembers each real start. Held to the same tests as the real trainer
in tests/training/test_trainer_promise.py.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.training.errors import JobNotFinishedError, JobUnknownError, NoRowsError
from bot.training.trainer import Adapter, JobState, JobStatus, Metric
from tests.scripted_tokens import write_seen


class ScriptedTrainer:
    def __init__(
        self,
        folder: Path,
        *,
        total_steps: int = 6,
        steps_a_look: int = 3,
        fails_at: int | None = None,
        failure: str = "The disk is full.",
    ) -> None:
        self._folder = folder
        self._total_steps = total_steps
        self._steps_a_look = steps_a_look
        self._fails_at = fails_at
        self._failure = failure
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def starts(self) -> list[str]:
        """The jobs that were really started, one entry a start."""
        log = self._folder / "starts.log"
        return log.read_text().splitlines() if log.exists() else []

    def rows_of(self, job_id: str) -> list[list[Message]]:
        rows: list[list[Message]] = self._read(job_id)["rows"]
        return rows

    def start(
        self,
        name: str,
        rows: Sequence[Sequence[Message]],
        base: BaseModel,
        *,
        validation: Sequence[Sequence[Message]] = (),
        rehearsal: Sequence[Sequence[Message]] = (),
        snapshot: str = "",
    ) -> str:
        if not rows:
            raise NoRowsError
        if not self._path(name).exists():
            with (self._folder / "starts.log").open("a") as log:
                log.write(f"{name}\n")
            self._write(name, {"state": "running", "step": 0, "rows": [list(row) for row in rows]})
        return name

    def status(self, job_id: str) -> JobStatus:
        job = self._read(job_id)
        before = job["step"]
        if job["state"] == JobState.RUNNING and not job.get("paused"):
            job["step"] = min(before + self._steps_a_look, self._total_steps)
            if self._fails_at is not None and job["step"] >= self._fails_at:
                job["state"] = JobState.FAILED
            elif job["step"] == self._total_steps:
                job["state"] = JobState.SUCCEEDED
            self._write(job_id, job)
        metrics = [Metric(step, 4.0 / step, 100.0) for step in range(1, job["step"] + 1)]
        return JobStatus(
            state=JobState(job["state"]),
            step=job["step"],
            total_steps=self._total_steps,
            loss=metrics[-1].loss if metrics else None,
            seconds_left=float(self._total_steps - job["step"]),
            metrics=metrics,
            error=self._failure if job["state"] == JobState.FAILED else None,
        )

    def result(self, job_id: str) -> Adapter:
        state = self._read(job_id)["state"]
        if state != JobState.SUCCEEDED:
            raise JobNotFinishedError(job_id, state)
        folder = self._folder / job_id
        folder.mkdir(exist_ok=True)
        gguf = folder / "adapter.gguf"
        gguf.write_bytes(b"GGUF scripted " + job_id.encode())
        write_seen(folder, self.rows_of(job_id))
        return Adapter(folder, gguf, hashlib.sha256(gguf.read_bytes()).hexdigest())

    can_pause = True

    def pause(self, job_id: str) -> None:
        self._write(job_id, self._read(job_id) | {"paused": True})

    def resume(self, job_id: str) -> None:
        self._write(job_id, self._read(job_id) | {"paused": False})

    def stop(self) -> None:
        """Nothing runs here that would have to end."""

    def cancel(self, job_id: str) -> None:
        if self._path(job_id).exists():
            job = self._read(job_id)
            if job["state"] == JobState.RUNNING:
                self._write(job_id, {**job, "state": JobState.CANCELLED})

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"

    def _read(self, job_id: str) -> dict[str, Any]:
        if not self._path(job_id).exists():
            raise JobUnknownError(job_id)
        job: dict[str, Any] = json.loads(self._path(job_id).read_text())
        return job

    def _write(self, job_id: str, job: dict[str, Any]) -> None:
        self._path(job_id).write_text(json.dumps(job))
