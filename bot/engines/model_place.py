"""Where a model version is served from: a file for our own engine, or a model of a provider's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.engines.client import Engine


@dataclass(frozen=True)
class RemoteModel:
    """
    A tuned model that stays where it was trained. ``served_by`` is the trainer's name,
    ``base_model`` what was tuned, where that is not our own base.
    """

    served_by: str
    model_id: str
    base_model: str = ""


ModelPlace = Path | RemoteModel


class AdapterEngine(Engine, Protocol):
    """An engine whose adapters can be exchanged while it answers."""

    @property
    def adapters(self) -> frozenset[str]:
        """The model versions served."""

    def switch(self, adapters: Mapping[str, ModelPlace]) -> None:
        """Serve exactly these from now on; on an ``EngineError`` nothing changed."""
