"""
Snapshots: the data set of one audience, frozen and hashed, with its splits.

The same examples give the same hash, on any machine and in any order of arrival.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from bot.dataset.rights import Coverage, manifest, sort_by_rights
from bot.dataset.rows import Planned, build_rows, plan_rows, row_hash, row_values, snapshot_hash
from storage import snapshots
from storage.audience import Viewer
from storage.chunks import pages
from storage.tables import Attestation, Snapshot, SnapshotRow, Split

__all__ = ["build_rows", "row_hash", "snapshot_hash"]


@dataclass(frozen=True)
class Frozen:
    """A snapshot and the rights under which its rows may be trained on."""

    snapshot: Snapshot
    rights: dict[str, Any]


@dataclass(frozen=True)
class Taken(Frozen):
    """The same with all its rows in memory."""

    rows: list[SnapshotRow]


def take_snapshot(session: Session, team_id: str, audience: str, attestation: Attestation) -> Taken:
    """Freeze what a model of ``audience`` may learn from now, and read it back."""
    frozen = freeze(session, team_id, audience, attestation)
    assert frozen.snapshot.id is not None
    rows = snapshots.rows_of(session, team_id, frozen.snapshot.id, Viewer.model(audience))
    return Taken(frozen.snapshot, frozen.rights, rows)


def freeze(session: Session, team_id: str, audience: str, attestation: Attestation) -> Frozen:
    """
    Freeze what a model of ``audience`` may learn from now.

    An audience whose newest snapshot has the same content keeps that snapshot, unless something
    was erased from it: then what was taught again stands in a new one.
    """
    viewer = Viewer.model(audience)
    coverage, planned = _plan(session, team_id, audience, viewer, attestation.sources)
    rights = manifest(attestation, _trained_sources(coverage, planned), coverage.left_out)
    digest = snapshot_hash(planned)
    newest = snapshots.newest(session, team_id, audience)
    if newest and newest.hash == digest and snapshots.is_whole(session, newest):
        return Frozen(newest, rights)
    rows = _rows(session, team_id, audience, viewer, planned)
    return Frozen(snapshots.add(session, team_id, audience, digest, rows), rights)


def is_unchanged(
    session: Session, team_id: str, snapshot_id: int, attestation: Attestation
) -> bool:
    """Say whether a snapshot taken now would be the same as that one."""
    before = session.get_one(Snapshot, snapshot_id)
    viewer = Viewer.model(before.audience)
    _, planned = _plan(session, team_id, before.audience, viewer, attestation.sources)
    return snapshot_hash(planned) == before.hash and snapshots.is_whole(session, before)


def as_if_frozen(
    session: Session, team_id: str, audience: str, viewer: Viewer, sources: Sequence[str]
) -> tuple[dict[str, int], Iterator[SnapshotRow]]:
    """
    The rows that a snapshot would have now, and how many examples of other sources it leaves out.

    Only the questions are in memory at once; nothing is kept.
    """
    coverage, planned = _plan(session, team_id, audience, viewer, sources)
    rows = _rows(session, team_id, audience, viewer, planned)
    return coverage.left_out, (SnapshotRow(**row, snapshot_id=0, position=0) for row in rows)


def _plan(
    session: Session, team_id: str, audience: str, viewer: Viewer, sources: Sequence[str]
) -> tuple[Coverage[sa.Row[Any]], list[Planned]]:
    coverage = sort_by_rights(snapshots.questions_of(session, team_id, audience, viewer), sources)
    wordings = snapshots.other_wordings(session, team_id, audience, viewer)
    examples = snapshots.material(session, team_id, audience, viewer)
    return coverage, plan_rows(coverage.covered, wordings, examples)


def _trained_sources(coverage: Coverage[sa.Row[Any]], planned: list[Planned]) -> Counter[str]:
    sources = {example.id: example.answer_source.value for example in coverage.covered}
    return Counter(sources[row.example_id] for row in planned if row.split is Split.TRAIN)


def _rows(
    session: Session, team_id: str, audience: str, viewer: Viewer, planned: list[Planned]
) -> Iterator[dict[str, Any]]:
    for page in pages(iter(planned), snapshots.PAGE):
        ids = {row.example_id for row in page}
        found = snapshots.material(session, team_id, audience, viewer, ids)
        examples = {example.id: example for example in found}
        yield from (row_values(team_id, row, examples[row.example_id]) for row in page)


def count_material(
    session: Session, team_id: str, audience: str, attestation: Attestation
) -> tuple[int, int]:
    """How many approved examples of an audience the attestation covers, and how many not."""
    counted = snapshots.sources_of(session, team_id, audience, Viewer.model(audience))
    covered = sum(
        count for sources, count in counted.items() if set(sources) <= set(attestation.sources)
    )
    return covered, sum(counted.values()) - covered


def proves(session: Session, team_id: str, snapshot: Snapshot) -> bool:
    """
    Build the hash again from the rows and compare it with the one that was kept.

    An erased row is a tombstone: its words are gone, its hash still proves the others.
    """
    assert snapshot.id is not None
    rows = snapshots.everything_in(session, team_id, snapshot.id)
    try:
        return snapshot_hash(_own(row) for row in rows) == snapshot.hash
    except _ChangedError:
        return False


class _ChangedError(Exception):
    """Raised inside ``proves`` by a row that is not what its hash says."""


def _own(row: SnapshotRow) -> SnapshotRow:
    if not row.erased and row_hash(row) != row.row_hash:
        raise _ChangedError
    return row
