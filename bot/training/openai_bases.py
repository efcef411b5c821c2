"""The models that a provider on OpenAI's wire tunes: which one, whether it may, and until when."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import openai

from bot.training.openai_files import forgiven
from bot.training.provider import Provider
from bot.training.remote_errors import (
    BaseEndsSoonError,
    BaseNotTunedHereError,
    TuningRefusedError,
)
from bot.training.wire_errors import checked, sentences, words_of

#: A base that is switched off sooner is not worth a run.
SHORTEST_LIFE = timedelta(days=30)


class OpenAIBases:
    """``others`` are the trainers to name where this one refuses."""

    def __init__(self, provider: Provider, client: openai.OpenAI, others: Iterable[str]) -> None:
        self._provider = provider
        self._client = client
        self._others = frozenset(others)

    def name(self) -> str:
        """Name the model to tune: the one that was set, or the first that is listed."""
        if self._provider.model:
            return self._provider.model
        with sentences(self._provider, self._others):
            models = checked(self._provider, self._client.models.list()).data
            return models[0].id if models else ""

    def usable(self) -> str:
        """
        Name the model to tune.

        Raises:
            BaseEndsSoonError: it is switched off too soon.
            TuningRefusedError: the provider has no such model.
        """
        name = self.name()
        if not self._provider.quirks.has_models:
            return name
        with sentences(self._provider, self._others):
            try:
                model = checked(self._provider, self._client.models.retrieve(name))
            except openai.NotFoundError as error:
                said = words_of(error) or f"there is no model {name}"
                raise TuningRefusedError(self._provider.name, said, self._others) from error
        if (day := _shutdown_date(model)) and day < _today() + SHORTEST_LIFE:
            raise BaseEndsSoonError(self._provider.name, name, day, self._others)
        return name

    def check_region(self, base: str) -> None:
        """
        Raises:
            BaseNotTunedHereError: the provider lists what it tunes, and this is not among it.
        """
        with sentences(self._provider, self._others):
            listed = forgiven(lambda: self._client.models.list())
            tunable = {model.id for model in listed or () if _is_tunable(model)}
        if tunable and base not in tunable:
            raise BaseNotTunedHereError(self._provider.name, base, tunable)

    def shutdown_dates(self, models: Sequence[str]) -> dict[str, date]:
        """The dates the provider's list of models gives; it may give none."""
        found: dict[str, date] = {}
        if not self._provider.quirks.has_models:
            return found
        for name in models:
            with sentences(self._provider, self._others):
                model = forgiven(partial(self._client.models.retrieve, name))
            if model is not None and (day := _shutdown_date(checked(self._provider, model))):
                found[name] = day
        return found


def _is_tunable(model: Any) -> bool:
    """Azure says of each model what the resource's region can do with it; others say nothing."""
    able = getattr(model, "capabilities", None)
    return isinstance(able, dict) and bool(able.get("fine_tune"))


def _shutdown_date(model: Any) -> date | None:
    """A date, or a time whose date counts; what is neither is none."""
    try:
        return date.fromisoformat(str(getattr(model, "shutdown_date", None))[:10])
    except ValueError:
        return None


def _today() -> date:
    return datetime.now(UTC).date()
