"""
Judges a version once more, on what is held out today: more wordings settle what was not settled.

Works beside a running bot, with an engine of its own. What was asked before is not asked again.
"""

from collections.abc import Callable

from sqlmodel import Session

from bot.answering.strategy import live_strategy
from bot.dataset.snapshot import freeze
from bot.engines.intact import is_intact
from bot.engines.model_place import ModelPlace, RemoteModel
from bot.errors import AttestationMissingError, NotFoundError
from bot.evaluation.blind import count_votes
from bot.evaluation.evaluate import Exam, ask, held_out
from bot.pipeline.evaluating import (
    conclusion_of,
    digests_of,
    draw_and_write,
    let_judge,
    strategies_of,
)
from bot.pipeline.probing import examine
from bot.pipeline.workshop import Workshop
from storage import attestations, audit, evaluations, runs, snapshots, versions
from storage.audience import Viewer
from storage.tables import (
    OPEN_RUN_STATES,
    Evaluation,
    ModelVersion,
    Run,
    Split,
    VersionState,
)

#: What of an evaluation is replaced by a new one.
_JUDGED = ("held_out", "strategies", "best", "gain", "gain_low", "gain_high", "verdict", "reason",
           "pictures", "created_at")  # fmt: skip


def judge_again(
    workshop: Workshop,
    team_id: str,
    name: str,
    viewer: Viewer,
    *,
    by: str,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """
    Ask, judge and keep the new verdict; the one before stays in its evidence.

    Raises:
        NotFoundError: there is no such version for this viewer, or it cannot be asked any more.
        AttestationMissingError: nobody stated the right to freeze a data set.
        EngineError: the engine does not load it, or does not answer.
    """
    with workshop.database.read() as session:
        version, run = _find(session, team_id, name, viewer)
        live = live_strategy(session, team_id, run.audience)
        places = _places(session, workshop, team_id, {name, live.version_name}, viewer)
    if version.gguf_path and version.base_digest != workshop.base.digest:
        raise NotFoundError(
            f"{name} was tuned from another base model, {version.base_model}: set BASE_MODEL to it."
        )
    if name not in places:
        raise NotFoundError(
            f"The files of {name} are gone, or are not those that were made: it cannot be asked "
            "any more. Bring them back from a backup, or train again."
        )
    workshop.engine.switch(places)
    exam, snapshot_id = _exam(workshop, run, version, places.keys() - {name})
    ask(
        workshop.database,
        workshop.engine,
        exam,
        keep_going=lambda: True,
        report=report,
        meaning=workshop.patient_meaning,
    )
    findings = examine(workshop, run, version)
    judged = conclusion_of(workshop, run, version, exam, findings)
    judged.evidence = {**judged.evidence, "snapshot": snapshot_id}
    let_judge(workshop, run, version, exam, judged)
    draw_and_write(workshop, run, judged, lambda session: _keep(session, run, judged, by))
    return judged


def _find(session: Session, team_id: str, name: str, viewer: Viewer) -> tuple[ModelVersion, Run]:
    version = versions.by_name(session, team_id, name, viewer)
    if version is None:
        raise NotFoundError(f"There is no version {name}. `models list` shows what there is.")
    if version.state == VersionState.RETIRED:
        raise NotFoundError(f"{name} is retired: its files are gone.")
    run = runs.get(session, team_id, version.run_id)
    assert run is not None
    if run.state in OPEN_RUN_STATES:
        raise NotFoundError(f"{name} is being judged right now, by run {run.id}.")
    return version, run


def _places(
    session: Session, workshop: Workshop, team_id: str, names: set[str | None], viewer: Viewer
) -> dict[str, ModelPlace]:
    places: dict[str, ModelPlace] = {}
    for name in sorted(name for name in names if name):
        version = versions.by_name(session, team_id, name, viewer)
        if version is None:
            continue
        if version.remote_id and version.served_by:
            places[name] = RemoteModel(version.served_by, version.remote_id)
        elif is_intact(path := workshop.home / version.gguf_path, version.checksum):
            places[name] = path
    return places


def _exam(
    workshop: Workshop, run: Run, version: ModelVersion, others: set[str]
) -> tuple[Exam, int]:
    """Today's wordings of what it learned, and what its data set held out and kept unseen."""
    viewer = Viewer.model(run.audience)
    with workshop.database.write() as session:
        attestation = attestations.newest(session, run.team_id)
        if attestation is None:
            raise AttestationMissingError
        frozen = freeze(session, run.team_id, run.audience, attestation).snapshot
        assert frozen.id is not None
        rows = snapshots.rows_of(session, run.team_id, frozen.id, viewer)
        before = snapshots.rows_of(session, run.team_id, version.snapshot_id, viewer)
        live = live_strategy(session, run.team_id, run.audience)
        digests = digests_of(session, workshop, run, {version.name, live.version_name})
        snapshot_id = frozen.id
    learned = {row.example_id for row in before if row.split == Split.TRAIN}
    unseen = {row.example_id for row in before if row.split == Split.HELD_OUT_QUESTION}
    wanted = {Split.HELD_OUT_WORDING: learned, Split.HELD_OUT_QUESTION: unseen - learned}
    exam = Exam(
        team_id=run.team_id,
        run_id=run.id or 0,
        audience=run.audience,
        rows=[row for row in held_out(rows) if row.example_id in wanted[row.split]],
        strategies=strategies_of(workshop, version, live if live.version_name in others else None),
        digests=digests,
    )
    return exam, snapshot_id


def _keep(session: Session, run: Run, judged: Evaluation, by: str) -> bool:
    row = evaluations.of_run(session, run.team_id, run.id or 0)
    if row is None:
        session.add(judged)
    else:
        before = {
            "verdict": row.verdict.value,
            "reason": row.reason,
            "at": row.created_at.isoformat(),
            "evidence": {k: v for k, v in row.evidence.items() if k != "before"},
        }
        judged.evidence = {**judged.evidence, "before": [*row.evidence.get("before", ()), before]}
        row.evidence = judged.evidence
        for name in _JUDGED:
            setattr(row, name, getattr(judged, name))
        session.add(row)
        count_votes(session, row)
    audit.record(
        session,
        run.team_id,
        actor=by,
        action="version.judged",
        subject=f"run:{run.id}",
        audience=run.audience,
        details={"verdict": judged.verdict.value, "held_out": judged.held_out},
    )
    return True
