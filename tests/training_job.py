"""Rows and waiting, for tests that train."""

import time

from bot.engines.client import Message
from bot.training.local import LocalTrainer
from bot.training.trainer import JobState, JobStatus

#: Generous: the machine may be doing anything else.
PATIENCE_SECONDS = 180.0


def row(question: str, answer: str) -> list[Message]:
    return [
        {"role": "system", "content": "You are Apprentice."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


TINY_ROWS = [
    row("Who gives me the keys?", "Ask Dora in #harbour for key 12."),
    row("Who has the keys of the team?", "Dora has key 12."),
    row("What has the team taught you?", "I don't know."),
]


def wait_for_end(trainer: LocalTrainer, job_id: str) -> JobStatus:
    """Return the last status of a job; of one that failed, pytest shows the log with the test."""
    status = wait_for_step(trainer, job_id, 10**9)
    assert status.state != JobState.RUNNING, "the job did not end in time"
    if status.state == JobState.FAILED:
        folder = getattr(trainer, "_jobs_dir", None)  # a provider keeps its jobs
        for log in (folder / job_id).glob("*log*") if folder else ():
            print(log.name, log.read_text(errors="replace")[-3000:])  # noqa: T201
    return status


def wait_for_step(trainer: LocalTrainer, job_id: str, step: int) -> JobStatus:
    """Return the status once the job has made this many steps, or ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        status = trainer.status(job_id)
        if status.state != JobState.RUNNING or (status.step or 0) >= step:
            return status
        time.sleep(0.05)
    return trainer.status(job_id)
