"""
What AutoTrain Advanced would be handed for a run, as a folder that a person runs by hand.

The rows are those of a snapshot under an attestation, as a run's are, and somebody sees who took
them out: the audit table has an entry.
"""

from importlib.util import find_spec
from pathlib import Path

from sqlmodel import Session

from bot.dataset.checks import check_rows
from bot.dataset.errors import ExportRefusedError
from bot.dataset.snapshot import Frozen, freeze
from bot.engines.base_model import BaseModel
from bot.engines.vocabulary import Vocabulary
from bot.errors import AttestationMissingError, SettingsError
from bot.evaluation.chats import training_chat
from bot.pipeline.rehearsal import rehearsal_rows
from bot.pipeline.training_rows import examples_for, training_rows
from storage import attestations, audit, snapshots
from storage.audience import Viewer
from storage.database import Database
from storage.tables import SnapshotRow

TRAINER = "autotrain"
CONTEXT_TOKENS = 2048


def export_project(
    database: Database,
    team_id: str,
    audience: str,
    viewer: Viewer,
    base: BaseModel,
    vocabulary: Vocabulary,
    models_dir: Path,
    wanted: Path,
) -> int:
    """
    Freeze the data set and write the folder; returns the snapshot's number.

    Raises:
        ExportRefusedError: something is there already, or nothing can be written.
        AttestationMissingError, TrainingError: what is wrong with the rights or the rows.
        SettingsError: this installation cannot prepare a base model.
    """
    _refuse(wanted)
    with database.write() as session:
        frozen = _frozen(session, team_id, audience)
        number, digest, snapshot_id = (
            frozen.snapshot.number, frozen.snapshot.hash, frozen.snapshot.id or 0,
        )  # fmt: skip
        rows = snapshots.rows_of(session, team_id, snapshot_id, viewer)
        left_out = sum(frozen.rights.get("left_out", {}).values())
        check_rows(rows, lambda row: vocabulary.count(training_chat(row)), CONTEXT_TOKENS, left_out)
        audit.record(
            session,
            team_id,
            actor="operator",
            action="project.exported",
            subject=f"snapshot:{snapshot_id}",
            audience=audience,
        )
    _write(rows, digest, base, models_dir, wanted)
    return number


def _refuse(wanted: Path) -> None:
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise SettingsError(
            "The base model is prepared with PyTorch, which this installation lacks: "
            "`pip install -r requirements.txt`."
        )
    if wanted.exists() and (wanted.is_file() or any(wanted.iterdir())):
        raise ExportRefusedError(f"{wanted} is there already. Name a new folder with --export.")


def _frozen(session: Session, team_id: str, audience: str) -> Frozen:
    attestation = attestations.newest(session, team_id)
    if attestation is None:
        raise AttestationMissingError
    return freeze(session, team_id, audience, attestation)


def _write(
    rows: list[SnapshotRow], digest: str, base: BaseModel, models_dir: Path, wanted: Path
) -> None:
    # Loads transformers, which only this command needs here.
    from bot.training.autotrain_project import write_project
    from bot.training.autotrain_rows import prepared
    from bot.training.hyperparameters import Hyperparameters

    chats = training_rows(rows, examples_for(TRAINER))
    rehearsal = rehearsal_rows(rows, digest)
    ready = prepared(base, models_dir, Hyperparameters(), chats, rehearsal)
    try:
        write_project(
            wanted.absolute(), ready.plan, chats, rehearsal, ready.weights, with_copies=True
        )
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise ExportRefusedError(
            f"{wanted} cannot be written: {reason}. Name another place with --export."
        ) from None
