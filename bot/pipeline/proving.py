"""
Whether a version is served as it was trained: what its trainer wrote down against its engine.

Trained here, that lies beside the adapter; elsewhere, the trainer is asked for it, and believed
only in rows that it was sent.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from bot.engines.adapter_files import read_manifest
from bot.engines.client import Message
from bot.evaluation.parity import Parity, Sample, prove, samples_at, samples_in
from bot.pipeline.parts import part_of
from bot.pipeline.preparing import rows_of_run
from bot.pipeline.training_rows import examples_for, training_rows
from bot.pipeline.workshop import Workshop
from bot.training.trainer import PARITY_FILE, TellsTokens
from storage.tables import ModelVersion, Run


def parity_of(workshop: Workshop, run: Run, version: ModelVersion) -> Parity:
    """
    Raises:
        EngineError: the engine does not answer.
        TrainingError: the trainer cannot be asked.
    """
    folder = workshop.home / version.adapter_path if version.adapter_path else None
    samples = samples_at(folder / PARITY_FILE) if folder else []
    if samples or (folder and not _is_from_elsewhere(folder)):
        return prove(workshop.engine, version.name, samples)
    told = _told(workshop, run)
    if not told:
        return Parity(unproven=f"`{run.trainer}` does not say which tokens it trained on.")
    sent = _sent(workshop, run, version)
    known = [sample for sample in told if _key(sample.messages) in sent]
    if not known:
        return Parity(unproven=f"`{run.trainer}` tells the tokens of rows that it was not sent.")
    return prove(workshop.engine, version.name, known)


def _told(workshop: Workshop, run: Run) -> list[Sample]:
    trainer = workshop.trainers.get(run.trainer)
    if not isinstance(trainer, TellsTokens) or run.job_id is None:
        return []
    return samples_in(trainer.tokens_seen(run.job_id) or b"")


def _sent(workshop: Workshop, run: Run, version: ModelVersion) -> set[str]:
    """The prompts of the rows it was trained on."""
    rows = rows_of_run(workshop, run, version.snapshot_id)
    part = part_of(rows, run.hyperparameters.get("part", 1.0))
    return {_key(chat[:-1]) for chat in training_rows(part, examples_for(run.trainer))}


def _key(messages: Sequence[Message]) -> str:
    return json.dumps([(turn["role"], turn["content"]) for turn in messages])


def _is_from_elsewhere(folder: Path) -> bool:
    """Whether a provider trained the adapter and it was downloaded."""
    try:
        return "trained_by" in read_manifest(folder)
    except (OSError, ValueError):
        return False
