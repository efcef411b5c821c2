"""
Moving what is live to another trainer: the same snapshot, trained there, judged by the same gate.
"""

from collections import Counter

from sqlmodel import Session

from bot.dataset.rights import manifest, not_attested
from bot.errors import AttestationMissingError, CannotMoveError
from storage import attestations, runs, snapshots, versions
from storage.audience import Viewer
from storage.tables import ModelVersion, Origin, Run, Snapshot, SnapshotRow, Split


def queue_move(
    session: Session, team_id: str, audience: str, trainer: str, by: str, channel_id: str
) -> tuple[Run, ModelVersion]:
    """
    Queue a run on the live version's snapshot; returns it and that version.

    Raises:
        CannotMoveError: nothing is live, a run is open, or its data set may not be trained on
            again.
        AttestationMissingError: nobody attested the right to train.
    """
    if open_run := runs.open_run_of(session, team_id, audience):
        raise CannotMoveError(
            f"Run {open_run.id} is {open_run.state} already. One run at a time: wait for its "
            "verdict, or cancel it."
        )
    version = _live(session, team_id, audience)
    before = runs.get(session, team_id, version.run_id)
    if before and before.trainer == trainer:
        raise CannotMoveError(
            f"{version.name} is from `{trainer}` already. To train there anew, use "
            f"`/apprentice train {trainer}`."
        )
    snapshot = session.get_one(Snapshot, version.snapshot_id)
    if version.tainted_at or not snapshots.is_whole(session, snapshot):
        raise CannotMoveError(
            f"Something {version.name} learned from was erased since, so its data set is not "
            f"trained on again. `/apprentice train {trainer}` trains on what there is now."
        )
    rows = snapshots.rows_of(session, team_id, version.snapshot_id, Viewer.model(audience))
    rights = _rights(session, team_id, trainer, rows)
    run = runs.enqueue(
        session,
        team_id,
        audience,
        trainer=trainer,
        requested_by=by,
        channel_id=channel_id,
        origin=Origin.MIGRATION,
    )
    run.snapshot_id, run.rights = version.snapshot_id, rights
    session.add(run)
    return run, version


def _live(session: Session, team_id: str, audience: str) -> ModelVersion:
    live = versions.live(session, team_id, audience)
    version = versions.get(session, team_id, live.version_id) if live and live.version_id else None
    if version is None:
        raise CannotMoveError(
            "No tuned version of its own is live here, so there is nothing to move. "
            "`/apprentice train` makes one."
        )
    return version


def _rights(
    session: Session, team_id: str, trainer: str, rows: list[SnapshotRow]
) -> dict[str, object]:
    """The manifest under what is attested now: it may be less than when the snapshot was taken."""
    attestation = attestations.newest(session, team_id)
    if attestation is None:
        raise AttestationMissingError
    if missing := not_attested(rows, attestation):
        raise CannotMoveError(
            f"Its data set holds rows from {', '.join(missing)}, which nobody attests any more. "
            f"`/apprentice train {trainer}` leaves them out."
        )
    return manifest(
        attestation, Counter(row.answer_source for row in rows if row.split is Split.TRAIN), {}
    )
