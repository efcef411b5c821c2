"""
Trainer ``together``: files and jobs through Together's own client, the adapter brought home.

Keeps nothing that a restart would miss: a run's job is found by its suffix, which holds this
installation's id. What is asked twice is never started twice.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.engines.model_place import RemoteModel
from bot.training import job_report
from bot.training.downloaded import Downloads
from bot.training.errors import JobNotFinishedError, JobUnknownError, NoRowsError
from bot.training.remote_errors import (
    AdapterMisfitError,
    JobFailedError,
    QuotaExhaustedError,
    RowsRejectedError,
    TrainerUnavailableError,
    TuningRefusedError,
)
from bot.training.together_archive import read_archive
from bot.training.together_client import NAME, GoneError, TogetherClient
from bot.training.together_report import state_of, status_of
from bot.training.trainer import Adapter, JobState, JobStatus
from bot.training.weighing import weighed

MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
POLL_SECONDS = 15.0
FEWEST_ROWS, EPOCHS, RANK, BATCH = 10, 3, 16, 8
LEARNING_RATE = 2e-4
#: Together cuts longer ones, and a job would not be found again.
SUFFIX_CHARACTERS = 40
#: A file that was just uploaded is looked through first.
PATIENCE_SECONDS = 15.0
Rows = Sequence[Sequence[Message]]


class TogetherTrainer:
    """See ``bot.training.trainer.Trainer`` for what the methods promise and raise."""

    def __init__(
        self,
        client: TogetherClient,
        installation: str,
        *,
        model: str = "",
        others: Iterable[str] = (),
        downloads: Downloads | None = None,
        poll_seconds: float = POLL_SECONDS,
        fewest_rows: int = FEWEST_ROWS,
    ) -> None:
        self._client = client
        self._installation = installation
        self._model = model or MODEL
        self._others = frozenset(others) - {NAME}
        self._downloads = downloads
        self._poll_seconds = poll_seconds
        self._fewest_rows = fewest_rows
        self._seen: dict[str, tuple[float, JobStatus]] = {}

    def start(
        self,
        name: str,
        rows: Rows,
        base: BaseModel,
        *,
        validation: Rows = (),
        rehearsal: Rows = (),
        snapshot: str = "",
    ) -> str:
        """Start the job of this name, or return the one that is already there."""
        if not rows:
            raise NoRowsError
        if found := self._find(name):
            return str(found["id"])
        if len(rows) < self._fewest_rows:
            said = f"{self._fewest_rows} rows are needed, there are {len(rows)}"
            raise TuningRefusedError(NAME, said, self._others)
        limits = self._client.ask("fine_tuning.model_limits", model_name=self._model)
        training = self._file(self._filename(name), rows)
        options: dict[str, Any] = {"model": self._model, "n_epochs": EPOCHS}
        options["training_file"] = training["id"]
        if validation:
            held_out = self._file(self._filename(name, "-validation"), validation)
            options |= {"validation_file": held_out["id"], "n_evals": EPOCHS}
        self._check_price(options, rows, validation)
        job = self._client.ask(
            "fine_tuning.create", **options, **_lora(limits), suffix=self._suffix(name)
        )
        return str(job["id"])

    def status(self, job_id: str) -> JobStatus:
        """Report on the job, at most ``poll_seconds`` old."""
        asked, known = self._seen.get(job_id, (0.0, None))
        if known and time.monotonic() - asked < self._poll_seconds:
            return known
        job = self._known(job_id)
        events, metrics = self._client.ask_all(
            [("fine_tuning.list_events", {"id": job["id"]}),
             ("fine_tuning.list_metrics", {"id": job["id"]})]
        )  # fmt: skip
        status = status_of(job, events["data"], metrics.get("metrics"))
        if status.state == JobState.FAILED:
            problem = self._problem(job, events["data"])
            status = replace(status, seconds_left=None, error=problem)
        self._seen[job_id] = (time.monotonic(), status)
        return status

    def result(self, job_id: str) -> Adapter | RemoteModel:
        """Download the adapter where its base is ours; else the model stays with Together."""
        job = self._known(job_id)
        if state_of(job) != JobState.SUCCEEDED:
            raise JobNotFinishedError(job_id, str(job["status"]))
        model = str(job.get("model") or self._model)
        if self._downloads and self._downloads.serves(model):
            if kept := self._downloads.kept(job["id"]):
                return kept
            return self._downloads.keep(NAME, model, job["id"], self._adapter(job["id"], model))
        if not (name := job.get("model_output_name")):
            raise JobNotFinishedError(job_id, str(job["status"]))
        return RemoteModel(NAME, str(name), model)

    def cancel(self, job_id: str) -> None:
        """End the job; what was uploaded for one that never began is deleted."""
        job = self._look(job_id)
        if job is None:
            self._delete_files(job_id)
        elif state_of(job) == JobState.RUNNING:
            try:
                self._client.ask("fine_tuning.cancel", id=job["id"])
            except (GoneError, TuningRefusedError):
                # It ended while we asked; its state says how.
                return
        self._seen.pop(job_id, None)

    def erase(self, job_id: str, *, keep_model: bool = False) -> None:
        """Delete what Together has of a run: its files, and job and model unless kept."""
        self.cancel(job_id)
        if (job := self._look(job_id)) is None:
            return
        for file_id in filter(None, (job.get("training_file"), job.get("validation_file"))):
            self._forgive("files.delete", id=file_id)
        if keep_model:
            return
        for key in ("adapter_object", "model_object"):
            model_id, name = job.get(f"{key}_id"), str(job.get(f"{key}_name") or "")
            if model_id and "/" in name:
                project = name.partition("/")[0]
                self._forgive("models.delete", id=model_id, project_id=project)
        self._forgive("fine_tuning.delete", id=job["id"])

    def base_name(self) -> str:
        """Name the model to tune."""
        return self._model

    def check(self) -> str:
        """
        Ask what a run asks first, and begin nothing; return the base's name.

        Raises:
            TrainingError: why no run would begin.
        """
        self._client.ask("fine_tuning.model_limits", model_name=self._model)
        return self._model

    def shutdown_dates(self, models: Sequence[str]) -> dict[str, date]:
        """Together publishes none through its API."""
        return {}

    def stop(self) -> None:
        """End our child; nothing of a job there ends with the bot."""
        self._client.close()

    def _check_price(self, options: dict[str, Any], rows: Rows, validation: Rows) -> None:
        """
        Ask what it will cost, before a job is there to pay.

        Raises:
            QuotaExhaustedError: more than the account has.
            RowsRejectedError: a file is no good.
            TrainerUnavailableError: a file is not looked through yet.
        """
        price = self._client.ask("fine_tuning.estimate_price", **options)
        reason = str(price.get("unavailable_reason") or "")
        if reason.endswith("not_validated"):
            raise TrainerUnavailableError(NAME, PATIENCE_SECONDS)
        if reason.endswith("file_invalid"):
            is_held_out = reason.startswith("eval") and bool(validation)
            file_id = options["validation_file" if is_held_out else "training_file"]
            file = self._client.ask("files.retrieve", id=file_id)
            report = file.get("validation_report")
            said = str((report.get("error") if isinstance(report, dict) else "") or reason)
            raise _rejected(said, _lines(validation if is_held_out else rows), is_held_out)
        if price.get("allowed_to_proceed") is False:
            dollars = job_report.finite(price.get("estimated_total_price"))
            said = f"the job costs about {dollars:.2f} USD" if dollars is not None else ""
            raise QuotaExhaustedError(NAME, said)

    def _filename(self, name: str, kind: str = "") -> str:
        return f"apprentice-{self._installation}-{name}{kind}.jsonl"

    def _suffix(self, name: str) -> str:
        digest = hashlib.sha256(f"{self._installation}:{name}".encode()).hexdigest()[:12]
        plain = "".join(each if each.isalnum() else "-" for each in name)
        return f"{digest}-{plain}"[:SUFFIX_CHARACTERS].rstrip("-")

    def _file(self, filename: str, rows: Rows) -> dict[str, Any]:
        """Upload the rows, unless a life before this one did; half an upload is done again."""
        content = _lines(rows)
        for file in self._files(filename):
            if file["bytes"] == len(content):
                return file
            self._forgive("files.delete", id=file["id"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / filename
            path.write_bytes(content)
            uploaded: dict[str, Any] = self._client.ask(
                "files.upload", file=str(path), purpose="fine-tune", check=False
            )
        return uploaded

    def _files(self, filename: str) -> list[dict[str, Any]]:
        return [
            file for file in self._client.ask("files.list")["data"] if file["filename"] == filename
        ]

    def _delete_files(self, name: str) -> None:
        for kind in ("", "-validation"):
            for file in self._files(self._filename(name, kind)):
                self._forgive("files.delete", id=file["id"])

    def _find(self, name: str) -> dict[str, Any] | None:
        suffix = self._suffix(name)
        for job in self._client.ask("fine_tuning.list")["data"]:
            if job.get("suffix") == suffix or suffix in str(job.get("model_output_name") or ""):
                return dict(job)
        return None

    def _look(self, job_id: str) -> dict[str, Any] | None:
        """The job of this id, or of this name where a crash kept the id from being noted."""
        if job_id.startswith("ft-"):
            try:
                return dict(self._client.ask("fine_tuning.retrieve", id=job_id))
            except GoneError:
                return None
        found = self._find(job_id)
        return dict(self._client.ask("fine_tuning.retrieve", id=found["id"])) if found else None

    def _known(self, job_id: str) -> dict[str, Any]:
        if (job := self._look(job_id)) is None:
            raise JobUnknownError(job_id)
        return job

    def _adapter(self, job_id: str, model: str) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "adapter.tar"
            try:
                self._client.ask("adapter", ft_id=job_id, path=str(path))
            except TuningRefusedError as error:
                raise AdapterMisfitError(NAME, model, "its archive is damaged") from error
            return read_archive(path, model)

    def _problem(self, job: dict[str, Any], events: list[dict[str, Any]]) -> str:
        """Why a job failed, in a sentence; names the example where Together names a line."""
        said = [e["message"] for e in events if str(e.get("level")).endswith("error")]
        said = said or [e["message"] for e in events if e.get("type") == "job_error"]
        words = said[-1] if said else ""
        if job_report.line_in(words) is None:
            return str(JobFailedError(NAME, words))
        is_held_out = bool(job.get("validation_file")) and job_report.says_validation(words)
        file_id = job.get("validation_file" if is_held_out else "training_file")
        try:
            content = self._client.ask("content", id=file_id).encode() if file_id else b""
        except GoneError:
            content = b""
        return str(_rejected(words, content, is_held_out))

    def _forgive(self, do: str, **arguments: Any) -> None:
        """Do what may be done already."""
        try:
            self._client.ask(do, **arguments)
        except GoneError:
            return


def _lora(limits: dict[str, Any]) -> dict[str, Any]:
    """Our numbers, as far as the model allows them."""
    allowed = limits["lora_training"]
    batch = max(allowed["min_batch_size"], min(BATCH, allowed["max_batch_size"]))
    rank = min(RANK, allowed["max_rank"])
    return {
        "lora": True,
        "lora_r": rank,
        "lora_alpha": 2 * rank,
        "learning_rate": min(LEARNING_RATE, limits["max_learning_rate"]),
        "batch_size": batch,
        "packing": False,
        "train_on_inputs": False,
        "random_seed": 0,
    }


def _lines(rows: Rows) -> bytes:
    lines = [json.dumps({"messages": weighed(row)}, ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def _rejected(said: str, content: bytes, is_held_out: bool) -> RowsRejectedError:
    line = job_report.line_in(said)
    question = job_report.question_in(content, line) if line else ""
    return RowsRejectedError(
        NAME, said, line if question else None, question, is_held_out=is_held_out
    )
