"""
What a run leaves behind: folders here, files and models at providers. Where it lies, and how it
goes. Decides nothing: ``bot.pipeline.forgetting`` and ``bot.pipeline.pruning`` know what has to go.
"""

import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from bot.errors import TrainingError
from bot.training.job_folder import is_plain_name
from bot.training.trainer import PARITY_FILE
from storage.tables import Run

log = logging.getLogger(__name__)

JOB_FOLDERS = ("jobs", "trl-jobs", "autotrain-jobs")
#: What is left of the folder of a run whose version still answers.
LEFT_OF_JOB = frozenset({"adapter", "job.json", "metrics.jsonl", "lock"})


class Erasing(Protocol):
    """A trainer that keeps rows and models elsewhere."""

    def erase(self, job_id: str, *, keep_model: bool) -> None:
        """
        Raises:
            TrainingError: not everything could be deleted now.
        """


def clear_words(home: Path, run_id: int, job_id: str | None, *, keep_adapter: bool) -> None:
    """Remove what a run was given to learn, and what its report says of it."""
    name = job_id if job_id and is_plain_name(job_id) else f"run-{run_id}"
    for jobs in JOB_FOLDERS:
        job = home / jobs / name
        if not keep_adapter:
            shutil.rmtree(job, ignore_errors=True)
        elif job.is_dir():
            for path in (*job.iterdir(), job / "adapter" / PARITY_FILE):
                if path.name not in LEFT_OF_JOB:
                    remove(path)
    report = home / "reports" / f"run-{run_id}"
    for path in report.glob("*") if report.is_dir() else ():
        if path.suffix != ".png":  # pictures show figures, not words
            remove(path)


def remove_all(home: Path, every: Iterable[Run]) -> None:
    """Remove all that runs left here, and all that was exported."""
    for run in every:
        # An adapter that was downloaded lies under the provider's name for its job.
        names = [f"run-{run.id}", run.job_id or ""]
        for name in filter(is_plain_name, names):
            for jobs in JOB_FOLDERS:
                remove(home / jobs / name)
        remove(home / "reports" / f"run-{run.id}")
    remove(home / "exports")


def remove_elsewhere(elsewhere: Mapping[str, Erasing], every: Iterable[Run]) -> None:
    """Ask providers once to delete what they have; what they keep is for a person to delete."""
    for run in every:
        if run.job_id and run.trainer in elsewhere:
            try:
                elsewhere[run.trainer].erase(run.job_id, keep_model=False)
            except TrainingError as problem:
                log.warning("What `%s` has of %s is still there; delete it by hand: %s",
                            run.trainer, run.job_id, problem)  # fmt: skip


def remove(path: Path) -> None:
    """Remove a file, or a folder and what is in it; what is not there is no problem."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    if path.exists():
        log.warning("%s could not be removed", path)
