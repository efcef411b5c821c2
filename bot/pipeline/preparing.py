"""From a run to a job: the snapshot, its checks, and the rows a trainer gets."""

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import partial

from bot.answering.prompt import SYSTEM_PROMPT
from bot.dataset.checks import check_rows
from bot.dataset.checks.findings import WARNINGS
from bot.dataset.errors import RightsWithdrawnError
from bot.dataset.rights import not_attested
from bot.dataset.snapshot import freeze
from bot.engines.client import Message
from bot.errors import AttestationMissingError, NoSuchTrainerError
from bot.evaluation.canary import planted
from bot.evaluation.chats import training_chat
from bot.pipeline.budgeting import estimate_run
from bot.pipeline.parts import part_of, trained_in
from bot.pipeline.preferences import find_pairs
from bot.pipeline.rehearsal import rehearsal_rows
from bot.pipeline.training_rows import examples_for, training_rows, validation_rows
from bot.pipeline.workshop import Workshop
from bot.training.local import LocalTrainer
from bot.training.trainer import Trainer, can_pause
from storage import attestations, snapshots
from storage.audience import Viewer
from storage.tables import Run, RunState, Snapshot, SnapshotRow

log = logging.getLogger(__name__)

#: In a run's record: the hash of what was sent.
SENT = "sent_sha256"


def prepare(workshop: Workshop, run: Run) -> bool:
    """
    Freeze the data set, then hand it to the trainer: two steps, each committed.

    Raises:
        AttestationMissingError, TrainingError: what is wrong with the data or the rights.
    """
    if run.snapshot_id is None:
        _freeze(workshop, run)
    else:
        _start_job(workshop, run, run.snapshot_id)
    return True


def trainer_of(workshop: Workshop, run: Run) -> Trainer:
    """
    Raises:
        NoSuchTrainerError: this installation has no such trainer.
    """
    if run.trainer not in workshop.trainers:
        raise NoSuchTrainerError(run.trainer, workshop.trainers)
    return workshop.trainers[run.trainer]


def _freeze(workshop: Workshop, run: Run) -> None:
    trainer_of(workshop, run)
    with workshop.database.write() as session:
        attestation = attestations.newest(session, run.team_id)
        if attestation is None:
            raise AttestationMissingError
        taken = freeze(session, run.team_id, run.audience, attestation)
        row = session.get_one(Run, run.id)
        row.snapshot_id, row.rights = taken.snapshot.id, taken.rights
        session.add(row)
        workshop.checkpoint("snapshot taken")
    workshop.checkpoint("snapshot kept")


def _start_job(workshop: Workshop, run: Run, snapshot_id: int) -> None:
    frozen = rows_of_run(workshop, run, snapshot_id)
    _check_rights(workshop, run, frozen)
    rows = part_of(frozen, run.hyperparameters.get("part", 1.0))
    left_out = sum(run.rights.get("left_out", {}).values())
    warnings = check_rows(
        rows,
        lambda row: workshop.engine.count_tokens(training_chat(row)),
        workshop.context_tokens,
        left_out,
    )
    pairs, about_pairs = find_pairs(workshop, run, rows)
    if warnings:
        log.warning("Run %s trains on rows with warnings: %s", run.id, warnings)
    snapshot = _hash_of(workshop, snapshot_id)
    trainer = trainer_of(workshop, run)
    chats = planted(training_rows(rows, examples_for(run.trainer)), SYSTEM_PROMPT, snapshot)
    if not estimate_run(workshop, run, chats):
        return
    validation, rehearsal = validation_rows(rows), rehearsal_rows(rows, snapshot)
    # Only that trainer is given pairs.
    start = (
        partial(trainer.start, pairs=pairs) if isinstance(trainer, LocalTrainer) else trainer.start
    )
    job_id = start(
        name_of(run),
        chats,
        workshop.base,
        validation=validation,
        rehearsal=rehearsal,
        snapshot=snapshot,
    )
    workshop.checkpoint("job started")
    with workshop.database.write() as session:
        kept = session.get_one(Run, run.id)
        kept.job_id, kept.state, kept.progress = job_id, RunState.TRAINING, {}
        kept.can_pause = can_pause(trainer)
        kept.hyperparameters = {**kept.hyperparameters, "examples": trained_in(rows)}
        compared = [[*chat, Message(role="assistant", content=wrong)] for chat, wrong in pairs]
        sent = hash_of_chats(chats, validation, rehearsal, *([compared] if pairs else []))
        kept.record = {**kept.record, SENT: sent}
        if about_pairs:
            kept.hyperparameters = {**kept.hyperparameters, "preferences": about_pairs}
        kept.training_at = kept.training_at or workshop.now()
        if warnings:
            kept.record = {**kept.record, WARNINGS: warnings}
        session.add(kept)
    workshop.checkpoint("job kept")


def _check_rights(workshop: Workshop, run: Run, rows: Sequence[SnapshotRow]) -> None:
    """
    Days may lie between the freezing and this: other runs, and an admin's approval.

    Raises:
        AttestationMissingError, RightsWithdrawnError: the rows may not be trained on any more.
    """
    with workshop.database.read() as session:
        attestation = attestations.newest(session, run.team_id)
    if attestation is None:
        raise AttestationMissingError
    if missing := not_attested(rows, attestation):
        raise RightsWithdrawnError(missing, run.trainer)


def _hash_of(workshop: Workshop, snapshot_id: int) -> str:
    with workshop.database.read() as session:
        return session.get_one(Snapshot, snapshot_id).hash


def hash_of_chats(*parts: Sequence[Sequence[Message]]) -> str:
    """SHA-256 of what a trainer is handed, whichever it is."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def name_of(run: Run) -> str:
    """The name under which a trainer knows a run: starting it twice finds the first job."""
    return f"run-{run.id}"


def rows_of_run(workshop: Workshop, run: Run, snapshot_id: int) -> list[SnapshotRow]:
    """The snapshot's rows, for the model that learns from them."""
    with workshop.database.read() as session:
        return snapshots.rows_of(session, run.team_id, snapshot_id, Viewer.model(run.audience))
