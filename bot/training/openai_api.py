"""
Trainer ``openai`` and its siblings: files, jobs and models on OpenAI's wire.

Keeps nothing that a restart would miss: a run's file and job are found at the provider by their
names, which hold this installation's id. What is asked twice is never started twice.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import openai

from bot.engines.adapter_files import HANDED_OUT
from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.engines.model_place import RemoteModel
from bot.training import job_report
from bot.training.deployment import Deployer, deployment_name
from bot.training.downloaded import Downloads
from bot.training.errors import JobNotFinishedError, NoRowsError
from bot.training.openai_bases import OpenAIBases
from bot.training.openai_files import VALIDATION, OpenAIFiles, forgiven
from bot.training.openai_jobs import RUN, OpenAIJobs
from bot.training.provider import Provider
from bot.training.remote_errors import JobFailedError, RowsRejectedError, TuningRefusedError
from bot.training.trainer import PARITY_FILE, Adapter, JobState, JobStatus
from bot.training.wire_errors import checked, deleted, no_page, sentences, words_of

TIMEOUT_SECONDS = 60.0
#: How often a job is asked for; the pipeline knocks every second.
POLL_SECONDS = 15.0
PAUSED = "paused"


class OpenAITrainer:
    """See ``bot.training.trainer.Trainer`` for what the methods promise and raise."""

    def __init__(
        self,
        provider: Provider,
        installation: str,
        *,
        others: Iterable[str] = (),
        downloads: Downloads | None = None,
        deployer: Deployer | None = None,
        poll_seconds: float = POLL_SECONDS,
        max_retries: int = 2,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """
        ``installation`` tells this bot's runs from those of others on the same account;
        ``others`` are the trainers to name where this one refuses. ``downloads`` keeps the
        adapters of providers that hand them out, where the base is ours too. ``deployer`` has the
        deployments of the tuned models, where they need one.
        """
        self._provider = provider
        self._others = frozenset(others) - {provider.name}
        self._downloads = downloads
        self._deployer = deployer
        self._poll_seconds = poll_seconds
        self._seen: dict[str, tuple[float, JobStatus]] = {}
        self._notices = 0
        self._client = openai.OpenAI(
            base_url=provider.base_url,
            api_key=provider.api_key,
            max_retries=max_retries,
            timeout=timeout_seconds,
        )
        self._files = OpenAIFiles(provider, self._client, installation)
        self._jobs = OpenAIJobs(provider, self._client, self._files, installation, self._others)
        self._bases = OpenAIBases(provider, self._client, self._others)

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
        """Start the job of this name, or return the one that is already there."""
        if not rows:
            raise NoRowsError
        if found := self._jobs.find(name):
            return str(found.id)
        if len(rows) < self._provider.quirks.fewest_rows:
            said = f"{self._provider.quirks.fewest_rows} rows are needed, there are {len(rows)}"
            raise TuningRefusedError(self._provider.name, said, self._others)
        model = self._bases.usable()
        with self._sentences():
            training = self._files.keep(name, rows)
            options: dict[str, Any] = {}
            if validation:
                options["validation_file"] = self._files.keep(name, validation, VALIDATION)
            job = self._create(name, model, training, snapshot, options)
        return str(job.id)

    def status(self, job_id: str) -> JobStatus:
        """Report on the job, at most ``poll_seconds`` old."""
        asked, known = self._seen.get(job_id, (0.0, None))
        if known and time.monotonic() - asked < self._poll_seconds:
            return known
        notices = self._notices
        job = self._jobs.known(job_id)
        with self._sentences():
            listed = self._client.fine_tuning.jobs.list_events(job.id, limit=100)
            events = list(checked(self._provider, listed))
            state = job_report.state_of(job)
            results = self._results(job) if state == JobState.SUCCEEDED else []
            error = self._problem(job) if state == JobState.FAILED else None
            status = job_report.status_of(job, events, results, error)
        # What was asked before a webhook came may say less than it.
        if notices == self._notices:
            self._seen[job_id] = (time.monotonic(), status)
        return status

    def result(self, job_id: str) -> Adapter | RemoteModel:
        """Name the tuned model, which stays with the provider, or download its adapter."""
        job = self._jobs.known(job_id)
        if job_report.state_of(job) != JobState.SUCCEEDED:
            raise JobNotFinishedError(job_id, str(job.status))
        if adapter := self._downloaded(job):
            return adapter
        if not job.fine_tuned_model:
            raise JobNotFinishedError(job_id, str(job.status))
        return RemoteModel(self._provider.name, job.fine_tuned_model, job.model)

    def tokens_seen(self, job_id: str) -> bytes | None:
        """Return what a server that is one of ours leaves among the job's results."""
        with self._sentences():
            for file_id in self._jobs.known(job_id).result_files or []:
                file = forgiven(partial(self._client.files.retrieve, file_id))
                if file and checked(self._provider, file).filename == PARITY_FILE:
                    return no_page(self._provider, self._client.files.content(file_id).read())
        return None

    def cancel(self, job_id: str) -> None:
        """End the job; what was uploaded for one that never began is deleted."""
        job = self._jobs.look(job_id)
        with self._sentences():
            if job is None:
                self._files.delete_of(job_id)
            elif job_report.state_of(job) == JobState.RUNNING:
                try:
                    checked(self._provider, self._client.fine_tuning.jobs.cancel(job.id))
                except openai.BadRequestError:
                    # It ended while we asked; its state says how.
                    return
        self._seen.pop(job_id, None)

    @property
    def can_pause(self) -> bool:
        return self._provider.quirks.can_pause

    def pause(self, job_id: str) -> None:
        """Let the job rest until ``resume``, unless it does, or has ended."""
        job = self._jobs.known(job_id)
        if job_report.state_of(job) == JobState.RUNNING and job.status != PAUSED:
            with self._sentences():
                checked(self._provider, self._client.fine_tuning.jobs.pause(job.id))

    def resume(self, job_id: str) -> None:
        """Let the job go on, if it rests."""
        job = self._jobs.known(job_id)
        if job.status == PAUSED:
            with self._sentences():
                checked(self._provider, self._client.fine_tuning.jobs.resume(job.id))

    def notice(self, job_id: str) -> None:
        """Ask at the next look, whatever was seen: a webhook said that the job ended."""
        self._notices += 1
        self._seen.pop(job_id, None)

    def erase(self, job_id: str, *, keep_model: bool = False) -> None:
        """Delete what the provider has of a run: its files, and the tuned model unless kept."""
        self.cancel(job_id)
        job = self._jobs.look(job_id)
        with self._sentences():
            if job is None:
                return
            files = [job.training_file, job.validation_file, *(job.result_files or [])]
            if not keep_model:
                files += [each for files in self._checkpoint_files(job.id) for each in files]
            if (model := job.fine_tuned_model) and not keep_model:
                self._undeploy(model)
                gone = forgiven(lambda: self._client.models.delete(model))
                deleted(self._provider, gone)
            for file_id in filter(None, files):
                self._files.delete(file_id)
            self._files.delete_of(str((job.metadata or {}).get(RUN, "")))

    def _undeploy(self, model: str) -> None:
        """A model that is deployed cannot be deleted."""
        if self._deployer is not None:
            self._deployer.remove(deployment_name(model))

    def base_name(self) -> str:
        """Name the model to tune: the one that was set, or the first that is listed."""
        return self._bases.name()

    def check(self) -> str:
        """
        Ask what a run asks first, and begin nothing; return the base's name.

        Raises:
            TrainingError: why no run would begin.
        """
        base = self._bases.usable()
        with self._sentences():
            checked(self._provider, self._client.files.list(purpose="fine-tune", limit=1))
        self._bases.check_region(base)
        return base

    def shutdown_dates(self, models: Sequence[str]) -> dict[str, date]:
        """The dates the provider's list of models gives; it may give none."""
        return self._bases.shutdown_dates(models)

    def stop(self) -> None:
        """Close the connections; nothing of a provider's job ends with the bot."""
        self._client.close()

    def _sentences(self) -> Any:
        return sentences(self._provider, self._others)

    def _create(
        self, name: str, model: str, training: str, snapshot: str, options: dict[str, Any]
    ) -> Any:
        try:
            return self._jobs.create(name, model, training, snapshot, options)
        except openai.BadRequestError as error:
            if error.param not in ("training_file", "validation_file"):
                raise
            is_held_out = error.param == "validation_file"
            file_id = options.get(error.param, training)
            raise self._rejected(file_id, words_of(error), is_held_out) from error

    def _downloaded(self, job: Any) -> Adapter | None:
        """The job's adapter for our engine; None where there is none, or its base is not ours."""
        if self._downloads is None or not self._downloads.serves(job.model):
            return None
        if found := self._downloads.kept(job.id):
            return found
        files: dict[str, bytes] = {}
        with self._sentences():
            for file_id in next(iter(self._checkpoint_files(job.id)), []):
                file = checked(self._provider, self._client.files.retrieve(file_id))
                name = PurePosixPath(file.filename).name
                if name in HANDED_OUT:
                    files[name] = no_page(
                        self._provider, self._client.files.content(file_id).read()
                    )
        if not files:
            return None
        return self._downloads.keep(self._provider.name, job.model, job.id, files)

    def _checkpoint_files(self, job_id: str) -> list[list[str]]:
        """The ids of each checkpoint's files, the last step's first."""
        if not self._provider.quirks.hands_out_adapters:
            return []
        listed = self._client.fine_tuning.jobs.checkpoints.list(job_id)
        found = sorted(checked(self._provider, listed), key=lambda each: -each.step_number)
        return [list(getattr(each, "result_files", None) or ()) for each in found]

    def _results(self, job: Any) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = []
        for file_id in job.result_files or []:
            try:
                rows += job_report.read_csv(self._client.files.content(file_id).read())
            except openai.NotFoundError:
                continue
        return rows

    def _problem(self, job: Any) -> str:
        """Why a job failed, in a sentence; names the example where the provider names a line."""
        said = (job.error.message if job.error else "") or ""
        if job.error and job_report.is_about_data(job.error):
            is_held_out = bool(job.validation_file) and job_report.is_about_validation(job.error)
            file_id = job.validation_file if is_held_out else job.training_file
            return str(self._rejected(file_id, said, is_held_out))
        code = (job.error.code if job.error else "") or ""
        return str(JobFailedError(self._provider.name, said, code))

    def _rejected(self, file_id: str, said: str, is_held_out: bool) -> RowsRejectedError:
        row = job_report.line_in(said)
        question = ""
        if row:
            content = forgiven(lambda: self._client.files.content(file_id).read())
            question = job_report.question_in(content or b"", row)
        return RowsRejectedError(
            self._provider.name, said, row if question else None, question, is_held_out=is_held_out
        )
