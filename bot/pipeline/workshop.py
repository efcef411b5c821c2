"""What the pipeline works with, as one value."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.budget import Limits
from bot.embedding.meaning import Meaning
from bot.engines.base_model import BaseModel
from bot.engines.client import Engine
from bot.engines.model_place import AdapterEngine
from bot.evaluation.gate import Thresholds
from bot.evaluation.measures import TokenPrices
from bot.evaluation.pictures import draw_pictures
from bot.evaluation.strategies import EXAMPLES_TRIED, SCALES_TRIED
from bot.training.deployment import Deployer
from bot.training.prices import TERMS, Terms
from bot.training.trainer import Trainer
from storage.columns import utc_now
from storage.database import Database


@dataclass(frozen=True)
class IdleRule:
    """After how many days a deployment nobody needs is reported, and whether it is removed then."""

    days: float = 3.0
    may_remove: bool = False


@dataclass(frozen=True)
class Workshop:
    """
    ``trainers`` are by the name a run asks for, ``deployers`` those of them whose models answer
    only once they are deployed; ``home`` is APPRENTICE_HOME.

    ``is_stopping`` ends long steps between two answers. ``checkpoint`` is called with the name of
    each point at which a crash must cost nothing; tests end the process there.
    """

    database: Database
    home: Path
    trainers: Mapping[str, Trainer]
    engine: AdapterEngine
    base: BaseModel
    context_tokens: int = 2048
    limits: Limits = field(default_factory=Limits)
    deployers: Mapping[str, Deployer] = field(default_factory=dict)
    idle: IdleRule = field(default_factory=IdleRule)
    terms: Mapping[str, Terms] = field(default_factory=lambda: {t.trainer: t for t in TERMS})
    learns_preferences: bool = False  # TRAINING_METHOD=dpo
    now: Callable[[], datetime] = utc_now
    draw: Callable[..., list[dict[str, Any]]] = draw_pictures
    checkpoint: Callable[[str], None] = lambda name: None
    provider_prices: TokenPrices | None = None  # of models that a provider serves
    examples: Sequence[int] = EXAMPLES_TRIED  # how many are tried in the prompt
    scales: Sequence[float] = SCALES_TRIED  # of adapters that our own engine serves
    thresholds: Thresholds = field(default_factory=Thresholds)  # the gate's
    judge: Engine | None = None  # a model that compares answers
    meaning: Meaning | None = None  # retrieval's, the same that serves
    is_stopping: threading.Event = field(default_factory=threading.Event)
    #: One exchange of adapters at a time: the scheduler and a run may both ask for one.
    switching: threading.Lock = field(default_factory=threading.Lock)

    @property
    def patient_meaning(self) -> Meaning | None:
        """For evaluations, which must not depend on how busy the machine is."""
        return self.meaning.patient() if self.meaning else None

    def folder_of(self, run_id: int) -> Path:
        """Where the pictures of a run lie."""
        return self.home / "reports" / f"run-{run_id}"
