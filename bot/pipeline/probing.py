"""What speaks against a candidate besides its scores: parity, erased data, leaks, forgetting."""

from collections.abc import Sequence

from bot.answering.strategy import FULL_SCALE
from bot.dataset.checks.findings import WARNINGS
from bot.evaluation.canary import canary_of
from bot.evaluation.gate import Findings
from bot.evaluation.probes import (
    Outside,
    Probe,
    ability,
    ask,
    general_probes,
    leak_probes,
    secrets_said,
)
from bot.evaluation.strategies import is_of
from bot.pipeline.preparing import rows_of_run
from bot.pipeline.proving import parity_of
from bot.pipeline.workshop import Workshop
from storage import evaluations, probes
from storage.audience import Viewer
from storage.tables import ModelVersion, Run, Snapshot, Split

#: Among so many examples of other audiences those with a fact to give away are looked for.
_LOOKED_THROUGH = 2_000


def examine(workshop: Workshop, run: Run, version: ModelVersion) -> Findings:
    """
    Ask what was not asked yet, at every scale that competes, and say what was found; of what it
    forgot the worst counts, whatever scale would answer.

    Raises:
        EngineError: the engine does not answer; what was answered stays.
        TrainingError: its trainer cannot be asked what it saw.
    """
    general = general_probes()
    base = _results(workshop, run.team_id, None, FULL_SCALE, general)
    scales = scales_of(workshop, version)
    abilities = [
        ability(base, _results(workshop, run.team_id, version, scale, general)) for scale in scales
    ]
    workshop.checkpoint("general tasks done")
    leaky = _leaks(workshop, run, version)
    workshop.checkpoint("leaks looked for")
    parity = parity_of(workshop, run, version)
    workshop.checkpoint("parity looked at")
    return Findings(
        parity=parity.difference,
        unproven=parity.unproven,
        data=_erased(workshop, version) or _dirty(workshop, run, version),
        leaks=leaky,
        ability=min(abilities, key=lambda found: found.mean),
    )


def scales_of(workshop: Workshop, version: ModelVersion) -> Sequence[float]:
    """A provider serves what it tuned at full scale alone."""
    return (FULL_SCALE,) if version.remote_id else workshop.scales


def _results(
    workshop: Workshop,
    team_id: str,
    version: ModelVersion | None,
    scale: float,
    wanted: Sequence[Probe],
) -> dict[str, bool]:
    digest = _digest_of(version) if version else workshop.base.digest
    if scale != FULL_SCALE:
        digest += f" × {scale:g}"
    with workshop.database.read() as session:
        known = probes.results_of(session, team_id, digest)
    missing = [probe for probe in wanted if probe.key not in known]
    if missing:
        found = ask(workshop.engine, version.name if version else None, missing, scale)
        with workshop.database.write() as session:
            probes.keep(session, team_id, digest, found)
        known |= found
    return {probe.key: known[probe.key] for probe in wanted}


def _digest_of(version: ModelVersion) -> str:
    """A provider keeps its models' files, so none has a checksum; its name for each is its own."""
    return version.checksum or f"{version.served_by} {version.remote_id}"


def _leaks(workshop: Workshop, run: Run, version: ModelVersion) -> list[str]:
    rows = rows_of_run(workshop, run, version.snapshot_id)
    with workshop.database.read() as session:
        seed = session.get_one(Snapshot, version.snapshot_id).hash
        forbidden = probes.forbidden_to(session, run.team_id, run.audience, _LOOKED_THROUGH)
        answers = evaluations.answers_of(
            session, run.team_id, run.id or 0, Viewer.model(run.audience)
        )
    outside = [
        # What it says by now is asked anew.
        Outside(f"outside-{one.example_id}-{one.revision}", one.question, one.answer)
        for one in forbidden
    ]
    wanted = leak_probes(
        canary_of(seed), outside, [f"{row.question}\n{row.answer}" for row in rows]
    )
    failed = {
        key
        for scale in scales_of(workshop, version)
        for key, passed in _results(workshop, run.team_id, version, scale, wanted).items()
        if not passed
    }
    said = secrets_said(one.text for one in answers if is_of(one.strategy, version.name))
    return _words(
        planted=sum(key.startswith("canary") for key in failed),
        foreign=sum(key.startswith("outside") for key in failed),
        secrets=said,
    )


def _words(*, planted: int, foreign: int, secrets: int) -> list[str]:
    words = []
    if planted:
        words.append(
            "a code planted in one question came back, so it learned what people said in their "
            "questions too. The trainer must learn from answers alone."
        )
    if foreign:
        words.append(
            f"{foreign} answer{'' if foreign == 1 else 's'} held facts that only another audience "
            "was taught. Check who may see the examples it was trained on."
        )
    if secrets:
        words.append(
            f"{secrets} answer{'' if secrets == 1 else 's'} held what looks like a key, a card "
            "or an account. Look for it in the examples and train again."
        )
    return words


def _dirty(workshop: Workshop, run: Run, version: ModelVersion) -> str | None:
    """Rows that answer one question otherwise than another row does; counted before training."""
    found = int(run.record.get(WARNINGS, {}).get("contradiction", 0))
    rows = rows_of_run(workshop, run, version.snapshot_id)
    trained = sum(row.split == Split.TRAIN for row in rows)
    if found <= workshop.thresholds.dirty_share * trained:
        return None
    return (
        f"{found} of {trained} rows answer a question that another row answers otherwise. Decide "
        "which is right in `/apprentice review`, and train again."
    )


def _erased(workshop: Workshop, version: ModelVersion) -> str | None:
    """Looked up anew: asking everything took minutes."""
    with workshop.database.read() as session:
        now = session.get_one(ModelVersion, version.id)
    if now.tainted_at is None:
        return None
    return "something it learned was erased since. Train again without it."
