"""
Gives examples the vectors they lack, in the background, and then looks for near-duplicates.

An example lacks one when it is new, when its words changed, or when another model is used. The
rows are found by looking, so nothing is lost when the process ends anywhere.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlmodel import Session

from bot.embedding.errors import SentenceModelError
from bot.embedding.index import Nearness, packed
from bot.embedding.meaning import Meaning
from storage import vectors
from storage.database import Database
from storage.tables import Example

#: Examples in one step. A step is one short transaction, with all vectors made before it.
AT_ONCE = 32
COMPARED_AT_ONCE = 8
#: So long a rush may hold up what lacks a vector; then all of that has its turn, rush or not.
PATIENCE_SECONDS = 30.0
#: How often to look where another process may have added examples, in seconds.
LOOK_SECONDS = 15.0

#: Looks for near-duplicates of one example, as ``bot.curation.near_duplicates`` does.
Compare = Callable[[Session, Example, Nearness], None]


@dataclass
class Filling:
    """One step at a time; ``step`` returns whether there was work."""

    database: Database
    meaning: Meaning
    compare: Compare
    #: Says whether much comes in: near-duplicates are noted by their words meanwhile.
    is_rushed: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    _held_since: float | None = field(init=False, default=None)
    _alarm: threading.Event = field(init=False)
    _looked_at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._alarm = self.database.alarm("example", "example_vector")

    def step(self) -> bool:
        """Make the next vectors or, where none is lacking, compare the next examples."""
        if self._gives_way():
            return False
        if not self._alarm.is_set() and self.clock() - self._looked_at < LOOK_SECONDS:
            return False
        self._alarm.clear()
        try:
            has_worked = self._fill() or self._compare()
        except SentenceModelError:
            self._alarm.set()  # the child is being started again; the loop comes back in a second
            return False
        if has_worked:
            self._alarm.set()
            return True
        self._looked_at, self._held_since = self.clock(), None
        with self.database.read() as session:
            self.meaning.index.look_everywhere(session)
        return False

    def _gives_way(self) -> bool:
        """In a rush, but not for ever; who waited for so long catches up with everything first."""
        now = self.clock()
        is_over = self._held_since is not None and now - self._held_since >= PATIENCE_SECONDS
        if is_over or not self.is_rushed():
            return False
        if self._held_since is None:
            self._held_since = now
        return True

    def _fill(self) -> bool:
        name = self.meaning.model.name
        with self.database.read() as session:
            found = vectors.without_vector(session, name, AT_ONCE)
        if not found:
            return False
        made = self.meaning.vectors_of([(each.question, each.answer) for each in found])
        with self.database.write() as session:
            for before, vector in zip(found, made, strict=True):
                example = _unchanged(session, before)
                if example is not None:
                    vectors.put(session, example, name, packed(vector))
        return True

    def _compare(self) -> bool:
        with self.database.read() as session:
            found = vectors.to_compare(session, self.meaning.model.name, COMPARED_AT_ONCE)
            near = [self.meaning.nearness(session, each.team_id, each.question) for each in found]
        if not found or None in near:
            return False
        with self.database.write() as session:
            for before, nearness in zip(found, near, strict=True):
                example = _unchanged(session, before)
                if example is not None and nearness is not None:
                    self.compare(session, example, nearness)
                    vectors.mark_compared(session, before.id or 0, is_compared=True)
        return True


def _unchanged(session: Session, before: Example) -> Example | None:
    """The example, unless its words changed since they were read: the next step sees to it."""
    example = session.get(Example, before.id)
    if example is None or example.erased_at is not None:
        return None
    is_same = (example.question, example.answer) == (before.question, before.answer)
    return example if is_same and example.state == before.state else None
