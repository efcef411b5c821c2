"""
A local job is a folder: what the bot asks, what the child answers, in files that survive both.

``job.json`` and ``rows.jsonl`` are written before the child starts. The child and what it starts
hold ``lock`` while they live, so that nobody needs to trust process ids; it appends to
``metrics.jsonl``, and leaves ``adapter/`` or ``failure.json``. ``cancelled`` and ``paused`` are the
bot's. Imports no torch.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.training.events import kept
from bot.training.hyperparameters import Hyperparameters


@dataclass(frozen=True)
class JobFolder:
    """Paths of one job."""

    path: Path

    @property
    def adapter(self) -> Path:
        """The finished artefact; there only when it is complete."""
        return self.path / "adapter"

    @property
    def partial_adapter(self) -> Path:
        return self.path / "adapter.partial"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def best(self) -> Path:
        """The adapter that was best on the validation split so far."""
        return self.path / "best.pt"

    @property
    def project(self) -> Path:
        """What AutoTrain works in."""
        return self.path / "project"

    @property
    def project_log(self) -> Path:
        """What AutoTrain says."""
        return self.path / "autotrain.log"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def record(self) -> Path:
        """What became of "auto", and how much was trained; the child writes it."""
        return self.path / "record.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def failure(self) -> Path:
        return self.path / "failure.json"

    @property
    def cancelled(self) -> Path:
        return self.path / "cancelled"

    @property
    def paused(self) -> Path:
        return self.path / "paused"

    @property
    def process_id(self) -> Path:
        return self.path / "process_id"

    @property
    def starts(self) -> Path:
        """How often a child was started without being asked to stop."""
        return self.path / "starts"

    def exists(self) -> bool:
        return (self.path / "job.json").exists()

    def create(
        self,
        rows: Sequence[Sequence[Message]],
        base: BaseModel,
        hyperparameters: Hyperparameters,
        models_dir: Path,
        validation: Sequence[Sequence[Message]] = (),
        rehearsal: Sequence[Sequence[Message]] = (),
        pairs: Sequence[tuple[Sequence[Message], str]] = (),
    ) -> None:
        """
        Write what the child needs; the folder appears complete or not at all.

        Raises:
            OSError: it cannot be written.
        """
        partial = self.path.with_name(f"{self.path.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            (partial / "rows.jsonl").write_text(_lines(rows))
            (partial / "validation.jsonl").write_text(_lines(validation))
            (partial / "rehearsal.jsonl").write_text(_lines(rehearsal))
            (partial / "pairs.jsonl").write_text(_pair_lines(pairs))
            job = {
                "base": asdict(base) | {"gguf_path": str(base.gguf_path.resolve())},
                "hyperparameters": asdict(hyperparameters),
                "models_dir": str(models_dir.resolve()),
            }
            (partial / "job.json").write_text(json.dumps(job, indent=1))
            partial.rename(self.path)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def read_rows(self, name: str = "rows") -> list[list[Message]]:
        """``name`` is ``rows``, ``validation`` or ``rehearsal``."""
        with (self.path / f"{name}.jsonl").open() as lines:
            return [json.loads(line)["messages"] for line in lines]

    def read_pairs(self) -> list[tuple[list[Message], str]]:
        """Chats, and beside each a wrong answer to its question; folders of before have none."""
        with suppress(FileNotFoundError), (self.path / "pairs.jsonl").open() as lines:
            found = [json.loads(line) for line in lines]
            return [(pair["messages"], pair["rejected"]) for pair in found]
        return []

    def read_job(self) -> tuple[BaseModel, Hyperparameters, Path]:
        job = json.loads((self.path / "job.json").read_text())
        base = BaseModel(**job["base"] | {"gguf_path": Path(job["base"]["gguf_path"])})
        # A run begun before there was a choice goes on with the layers of its checkpoint: all.
        asked = Hyperparameters(**{"trained_share": 1.0} | job["hyperparameters"])
        return base, asked, Path(job["models_dir"])

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the steps so far; a line that is being written does not count yet."""
        with suppress(FileNotFoundError), self.metrics.open() as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]
        return []

    def read_record(self) -> dict[str, Any]:
        with suppress(FileNotFoundError, ValueError):
            return dict(json.loads(self.record.read_text()))
        return {}

    def write_record(self, record: dict[str, Any]) -> None:
        """
        Raises:
            OSError: it cannot be written.
        """
        write_whole(self.record, json.dumps(record, indent=1).encode())

    def note(self, said: str) -> None:
        """Keep an event; a disk without room loses it, and nothing else."""
        with suppress(OSError), (self.path / "events.jsonl").open("a") as file:
            file.write(json.dumps({"at": time.time(), "said": said}) + "\n")

    def read_events(self) -> list[dict[str, str]]:
        """What happened, oldest first; a line that was cut short does not count."""
        found: list[tuple[float, str]] = []
        with suppress(FileNotFoundError), (self.path / "events.jsonl").open() as lines:
            for line in lines:
                with suppress(ValueError):
                    event = json.loads(line)
                    found.append((event["at"], event["said"]))
        return kept(found)

    def acquire(self) -> int | None:
        """
        Take the lock; None where a child holds it.

        Returns the open descriptor: the lock lasts until every process has closed it.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def is_running(self) -> bool:
        descriptor = self.acquire()
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def fail(self, sentence: str) -> None:
        """Note why there will be no adapter, after making room by removing what was begun."""
        self.discard()
        self.note(f"Failed: {sentence}")
        write_whole(self.failure, json.dumps({"error": sentence}).encode())

    def discard_checkpoints(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.path / "checkpoints", ignore_errors=True)
        shutil.rmtree(self.project, ignore_errors=True)
        self.checkpoint.unlink(missing_ok=True)
        self.best.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove everything half done."""
        shutil.rmtree(self.partial_adapter, ignore_errors=True)
        for path in self.path.glob("*.new"):
            path.unlink(missing_ok=True)
        self.discard_checkpoints()


def _lines(rows: Iterable[Sequence[Message]]) -> str:
    lines = (json.dumps({"messages": list(row)}, ensure_ascii=False) for row in rows)
    return "".join(line + "\n" for line in lines)


def _pair_lines(pairs: Iterable[tuple[Sequence[Message], str]]) -> str:
    found = ({"messages": list(chat), "rejected": wrong} for chat, wrong in pairs)
    return "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in found)


def write_whole(path: Path, content: bytes) -> None:
    """
    Replace a file so that readers and crashes see the old or the new content, never a part.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def is_plain_name(job_id: str) -> bool:
    """Whether a job's id, which may be a provider's word, names one folder and nothing above it."""
    return job_id not in ("", ".", "..") and not {"/", "\\", "\0"} & set(job_id)


@contextmanager
def appended(path: Path, kept: Iterable[dict[str, Any]]) -> Iterator[Any]:
    """Yield a function that appends one JSON line at a time, after the lines to keep."""
    write_whole(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
    with path.open("a") as file:

        def append(line: dict[str, Any]) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()

        yield append
