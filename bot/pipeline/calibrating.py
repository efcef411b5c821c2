"""
Draws the lines between answering, quoting and "I don't know" on the team's own questions.

Each taught question is asked once as it is and in its other wordings, and once more as if its own
example had never been taught. Drawn anew whenever a tenth more or fewer of them are known.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.answering.abstention import FEWEST_KNOWN, IS_DOUBTED, Confidence, confidence, lines_from
from bot.answering.retrieval import RetrievedExample, retrieve
from bot.dataset.clusters import clusters_of
from bot.embedding.meaning import Meaning
from storage import snapshots, thresholds, vectors
from storage.audience import Viewer
from storage.database import Database
from storage.thresholds import Lines

log = logging.getLogger(__name__)

#: So many examples are asked for; more move the lines little and cost time.
ASKED = 100
#: The lines hold until so great a share of examples and wordings came or went.
CHANGED = 0.1
#: Where questions are kept, and what finds them.
TABLES = ("example", "wording", "example_vector")
#: How often to look whether that is so, in seconds.
LOOK_SECONDS = 15.0
#: What is found is enough if no more than so many say nearly the same as the one left out.
_FOUND = 6


@dataclass
class Calibration:
    """The work of one loop; ``step`` draws the lines of all audiences that need it."""

    database: Database
    meaning: Meaning | None = None
    is_doubted: float = IS_DOUBTED
    clock: Callable[[], float] = time.monotonic
    is_stopping: threading.Event = field(default_factory=threading.Event)
    _alarm: threading.Event = field(init=False)
    _looked_at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._alarm = self.database.alarm(*TABLES)
        self._alarm.set()

    def step(self) -> bool:
        """Look where something changed, every LOOK_SECONDS at most; True if lines were drawn."""
        now = self.clock()
        if not self._alarm.is_set() or now - self._looked_at < LOOK_SECONDS:
            return False
        self._alarm.clear()
        self._looked_at = now
        due = self._due()
        for team_id, audience, known in due:
            self._draw(team_id, audience, known)
        return bool(due)

    def _due(self) -> list[tuple[str, str, int]]:
        """Team, audience and how much is known there; none while vectors are still made."""
        with self.database.read() as session:
            if self.meaning and vectors.without_vector(session, self.meaning.model.name, 1):
                return []
            return [
                (team_id, audience, known)
                for team_id, audience, known in snapshots.known_questions(session)
                if known >= FEWEST_KNOWN
                and _has_changed(thresholds.drawn_on(session, team_id, audience), known)
            ]

    def _draw(self, team_id: str, audience: str, known: int) -> None:
        drawn = {False: self._lines(team_id, audience, None)}
        if self.meaning:
            drawn[True] = self._lines(team_id, audience, self.meaning.patient())
        if self.is_stopping.is_set():
            return
        with self.database.write() as session:
            for by_meaning, lines in drawn.items():
                thresholds.write(session, team_id, audience, lines, by_meaning=by_meaning)
            thresholds.note_drawn(session, team_id, audience, known)
        log.info("Drew the lines of %s anew, on %d questions", audience, known)

    def _lines(self, team_id: str, audience: str, meaning: Meaning | None) -> Lines:
        asked, by_meaning = list(self._asked(team_id, audience, meaning)), meaning is not None
        # Numbers with and without a sentence model cannot be compared.
        taught, untaught = (
            [one.value for one in values if one and one.is_by_meaning is by_meaning]
            for values in ([own for own, _ in asked], [left for _, left in asked])
        )
        return lines_from(taught, untaught, by_meaning=by_meaning, is_doubted=self.is_doubted)

    def _asked(
        self, team_id: str, audience: str, meaning: Meaning | None
    ) -> Iterator[tuple[Confidence | None, Confidence | None]]:
        """
        How sure the answer to each question is, where it was not taught in these words, and how
        sure it would be if nobody had taught it.
        """
        viewer = Viewer.model(audience)
        with self.database.read() as session:
            some = snapshots.some_questions(session, team_id, audience, viewer, at_most=ASKED)
        for example_id, texts in some.items():
            for number, text in enumerate(texts):
                if self.is_stopping.is_set():
                    return
                with self.database.read() as session:
                    found = retrieve(
                        session, team_id, audience, viewer, text, _FOUND, meaning=meaning
                    )
                    others = _without(example_id, texts, found)
                    taught = confidence(session, text, found) if number else None
                    yield taught, confidence(session, text, others)


def _has_changed(before: int, now: int) -> bool:
    return abs(now - before) > CHANGED * before


def _without(
    example_id: int, texts: Sequence[str], found: Sequence[RetrievedExample]
) -> list[RetrievedExample]:
    """What would be found if neither the example nor one that says nearly the same were there."""
    clusters = clusters_of({0: texts} | {one.id: [one.question] for one in found})
    return [one for one in found if one.id != example_id and clusters[one.id] != clusters[0]]
