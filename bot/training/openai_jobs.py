"""A run's job at a provider on OpenAI's wire: found by its labels, so created once."""

from collections.abc import Iterable
from typing import Any

import openai

from bot.training.errors import JobUnknownError
from bot.training.openai_files import OpenAIFiles
from bot.training.provider import Provider
from bot.training.wire_errors import checked, sentences

RUN, SNAPSHOT, INSTALLATION = "apprentice_run", "apprentice_snapshot", "apprentice_installation"


class OpenAIJobs:
    """
    ``installation`` tells this bot's runs from those of others on the same account; ``others`` are
    the trainers to name where this one refuses.
    """

    def __init__(
        self,
        provider: Provider,
        client: openai.OpenAI,
        files: OpenAIFiles,
        installation: str,
        others: Iterable[str],
    ) -> None:
        self._provider = provider
        self._client = client
        self._files = files
        self._installation = installation
        self._others = frozenset(others)

    def create(
        self, name: str, model: str, training: str, snapshot: str, options: dict[str, Any]
    ) -> Any:
        """Create it, whether or not it is there; raises what the SDK raises."""
        quirks = self._provider.quirks
        suffix = name[: quirks.suffix_characters]
        if quirks.has_metadata:
            options["metadata"] = self._labels(name) | {SNAPSHOT: snapshot[:512]}
        if quirks.hyperparameters is None:
            automatic = {"n_epochs": "auto"}
            options["method"] = {
                "type": "supervised",
                "supervised": {"hyperparameters": automatic},
            }
            body = dict(quirks.extra_body)
        else:
            body = {**quirks.extra_body, "hyperparameters": dict(quirks.hyperparameters)}
        # What creates something is asked once: the SDK would repeat it after a lost answer.
        once = self._client.with_options(max_retries=0)
        return checked(
            self._provider,
            once.fine_tuning.jobs.create(
                model=model,
                training_file=training,
                suffix=suffix,
                seed=0,
                extra_body=body,
                extra_headers={"Idempotency-Key": f"apprentice-{self._installation}-{name}"},
                **options,
            ),
        )

    def find(self, name: str) -> Any:
        """The job of this name, or None: by its metadata, or by its training file's name."""
        with sentences(self._provider, self._others):
            if self._provider.quirks.has_metadata:
                labels = self._labels(name)
                for job in checked(
                    self._provider, self._client.fine_tuning.jobs.list(metadata=labels)
                ):
                    # Servers that know no filter list everything.
                    if labels.items() <= (job.metadata or {}).items():
                        return job
                return None
            files = self._files.ids_of(name)
            if not files:
                return None
            jobs = checked(self._provider, self._client.fine_tuning.jobs.list(limit=100))
            return next((job for job in jobs if job.training_file in files), None)

    def look(self, job_id: str) -> Any:
        """The job of this id, or of this name where a crash kept the id from being noted."""
        with sentences(self._provider, self._others):
            try:
                return checked(self._provider, self._client.fine_tuning.jobs.retrieve(job_id))
            except openai.NotFoundError:
                pass
        return self.find(job_id)

    def known(self, job_id: str) -> Any:
        """
        Raises:
            JobUnknownError: there is none.
        """
        job = self.look(job_id)
        if job is None:
            raise JobUnknownError(job_id)
        return job

    def _labels(self, name: str) -> dict[str, str]:
        return {RUN: name, INSTALLATION: self._installation}
