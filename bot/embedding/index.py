"""
All vectors of a workspace in memory, as near to the table as the last look at it.

Every search looks first: what is new is read, what was erased is dropped. 100,000 vectors take
154 MB and 20 ms (docs/benchmarks.md). Knows ids and no words, and asks for no viewer: what it
finds is turned into examples by ``bot.answering.retrieval``, for somebody.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from bot.embedding.encoder import Floats
from storage import vectors

STORED = np.dtype("<f2")
#: How many rows are read at once.
_ROWS = 5_000


@dataclass(frozen=True)
class Nearness:
    """How near each example with a vector is to one text: its cosine, by example id."""

    example_ids: NDArray[np.int64]
    cosines: Floats
    _place: Mapping[int, int] = field(repr=False)

    def of(self, example_id: int) -> float | None:
        """The cosine; None where the example has no vector yet."""
        place = self._place.get(example_id)
        return None if place is None else float(self.cosines[place])

    def nearest(self, count: int, floor: float = -1.0) -> list[int]:
        """The nearest examples, the nearest first, none further than ``floor``."""
        size = min(count, len(self.cosines))
        if not size:
            return []
        found = np.argpartition(-self.cosines, size - 1)[:size]
        found = found[np.argsort(-self.cosines[found], kind="stable")]
        return [int(self.example_ids[i]) for i in found if self.cosines[i] >= floor]


@dataclass(frozen=True)
class _Rows:
    """Never changed: a search goes on with what it began with."""

    numbers: NDArray[np.int64]
    example_ids: NDArray[np.int64]
    matrix: Floats
    place: Mapping[int, int]

    @property
    def greatest(self) -> int:
        return int(self.numbers[-1]) if len(self.numbers) else 0


class VectorIndex:
    """The vectors of one model in one database, of any workspace that is asked for."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._rows: dict[str, _Rows] = {}
        self._lock = threading.Lock()

    def nearness(self, session: Session, team_id: str, vector: Floats) -> Nearness:
        """Compare one vector with all of a workspace."""
        rows = self.look(session, team_id)
        cosines = rows.matrix @ vector if len(rows.matrix) else np.empty(0, np.float32)
        return Nearness(rows.example_ids, cosines, rows.place)

    def look(self, session: Session, team_id: str) -> _Rows:
        """Bring a workspace's vectors up to what the table holds."""
        with self._lock:
            rows = self._rows.get(team_id) or _gathered([], [], [])
            extent = vectors.extent(session, team_id, self._model)
            if extent != (rows.greatest, len(rows.numbers)):
                rows = self._read(session, team_id, rows, extent)
                self._rows[team_id] = rows
            return rows

    def look_everywhere(self, session: Session) -> None:
        """Drop what was erased since the last look, of every workspace."""
        for team_id in list(self._rows):
            self.look(session, team_id)

    def _read(self, session: Session, team_id: str, rows: _Rows, extent: tuple[int, int]) -> _Rows:
        parts = [rows]
        while new := vectors.after(session, team_id, self._model, parts[-1].greatest, _ROWS):
            parts.append(_new_rows(new))
        parts = [part for part in parts if len(part.numbers)]
        numbers = [part.numbers for part in parts]
        example_ids = [part.example_ids for part in parts]
        matrices = [part.matrix for part in parts]
        if sum(len(part) for part in numbers) != extent[1]:
            there = vectors.numbers(session, team_id, self._model)
            kept = [np.isin(part, np.fromiter(there, np.int64, len(there))) for part in numbers]
            numbers = [part[keep] for part, keep in zip(numbers, kept, strict=True)]
            example_ids = [part[keep] for part, keep in zip(example_ids, kept, strict=True)]
            matrices = [part[keep] for part, keep in zip(matrices, kept, strict=True)]
        return _gathered(numbers, example_ids, matrices)


def packed(vector: Floats) -> bytes:
    """A vector as it is stored."""
    return vector.astype(STORED).tobytes()


def _new_rows(found: Collection[tuple[int, int, bytes]]) -> _Rows:
    numbers, example_ids, stored = zip(*found, strict=True)
    matrix = np.frombuffer(b"".join(stored), STORED).reshape(len(numbers), -1)
    return _Rows(np.array(numbers), np.array(example_ids), matrix.astype(np.float32), {})


def _gathered(
    numbers: list[NDArray[np.int64]],
    example_ids: list[NDArray[np.int64]],
    matrices: list[Floats],
) -> _Rows:
    if not numbers:
        return _Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0), np.float32), {})
    ids = np.concatenate(example_ids)
    place = {int(example_id): number for number, example_id in enumerate(ids)}
    return _Rows(np.concatenate(numbers), ids, np.concatenate(matrices), place)
