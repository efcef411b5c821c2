"""What handlers may touch, as one value; bound with ``functools.partial`` in ``register``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from bot.answering.blind import BlindPair, Choice
from bot.budget import Limits
from bot.curation.redaction import Redactor
from handlers.people import People
from storage.audience import Viewer
from storage.columns import utc_now
from storage.database import Database

Payload = dict[str, Any]

#: Told the name of each step, so that a test can end the process between any two.
Checkpoint = Callable[[str], None]


@dataclass(frozen=True)
class Deps:
    database: Database
    people: People
    home: Path  # APPRENTICE_HOME
    trainer: str  # the trainer of ``/apprentice train`` without a name
    good_reaction: str
    bad_reaction: str
    answer_queue: int  # questions that may wait
    outsiders_get_base_model: bool
    trainers: frozenset[str] = frozenset({"local"})  # what ``/apprentice train`` may name
    redactor: Redactor = field(default_factory=Redactor)
    engine_words: Callable[[], str] = lambda: "runs"  # what answers, for ``/apprentice status``
    #: The page of ``/apprentice advise``, for a workspace, an audience and who looks.
    advise: Callable[[str, str, Viewer], Sequence[tuple[str, Sequence[str]]]] = lambda *_: ()
    #: Writes the page of a run for who may see it: session, workspace, run, viewer, file.
    write_report: Callable[[Session, str, int, Viewer, Path], int] = lambda *_: 0
    #: "Which answer is better?": the next pair for a person, and the choice they made.
    next_pair: Callable[[Session, str, int, str, Viewer], BlindPair | None] = lambda *_: None
    cast_blind: Callable[[Session, str, int, str, Viewer, int, Choice], None] = lambda *_: None
    forget_within_days: float = 7  # how long a live version may outlast what it learned from
    timezone: str = ""  # of schedules; empty: that of the profile of who sets one
    budget: Limits = field(default_factory=Limits)  # what training may cost
    now: Callable[[], datetime] = utc_now
    canary_days: float = 14  # after which a canary that votes did not decide ends
    purge_after_days: float = 0  # when everything is deleted after the app was uninstalled


@dataclass(frozen=True)
class Ask:
    """One ``/apprentice …`` as a person typed it: ``words`` is what follows the subcommand."""

    team_id: str
    user_id: str
    channel_id: str
    words: str
    trigger_id: str


@dataclass(frozen=True)
class Reply:
    """What only the person who asked sees. ``text`` is the notification and the fallback."""

    text: str
    blocks: tuple[Payload, ...] = ()
