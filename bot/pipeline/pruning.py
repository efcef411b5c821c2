"""
What nobody needs any more, and its removal: adapters, job folders, checkpoints, snapshots,
deployments.

Rows of runs, versions, evaluations and the audit table stay: they are the lineage. What is planned
is looked at again in the transaction that retires it, so that a promotion in between wins; files go
after that, and a crash leaves them for the next time.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session

from bot.answering import promotion
from bot.errors import TrainingError
from bot.pipeline.run_files import JOB_FOLDERS, LEFT_OF_JOB, Erasing, remove
from bot.pipeline.serving import take_out_of_service
from storage import audit, canaries, deployments, evaluations, pins, runs, snapshots, versions
from storage.audience import Viewer
from storage.database import Database
from storage.tables import (
    OPEN_RUN_STATES,
    Deployment,
    ModelVersion,
    Run,
    Snapshot,
    Verdict,
    VersionState,
)

#: In a run's record, once a provider has deleted what it had of it.
ERASED = "erased_elsewhere"


@dataclass(frozen=True)
class Stock:
    """Where everything lies; ``elsewhere`` are the trainers that keep files of their own."""

    database: Database
    home: Path
    team_id: str
    viewer: Viewer
    elsewhere: Mapping[str, Erasing] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """
    What would go. ``paths`` are files and folders here, ``away`` runs with files and models
    elsewhere, ``deployments`` what costs by the hour for versions that go or have gone.
    """

    versions: list[ModelVersion]
    snapshots: list[Snapshot]
    paths: list[Path]
    away: list[Run]
    deployments: list[Deployment]

    def __bool__(self) -> bool:
        here = self.versions or self.snapshots or self.paths
        return bool(here or self.away or self.deployments)


def plan(stock: Stock) -> Plan:
    """Look at everything and change nothing."""
    with stock.database.read() as session:
        doomed = _doomed(session, stock)
        over = {version.id for version in doomed}
        found = Plan(
            doomed,
            snapshots.unreferenced(session, stock.team_id),
            [],
            [],
            _deployed_for_nobody(session, stock, doomed),
        )
        for run in runs.ended(session, stock.team_id, stock.viewer):
            version = versions.of_run(session, stock.team_id, run.id or 0)
            is_over = version is None or version.state == VersionState.RETIRED or version.id in over
            found.paths.extend(_paths(stock.home, run, version, is_over=is_over))
            if is_over and _has_files_elsewhere(stock, run):
                found.away.append(run)
        return found


def carry_out(stock: Stock, planned: Plan, by: str) -> list[str]:
    """Do what was planned and still holds; returns sentences about what could not be done."""
    with stock.database.write() as session:
        doomed = _doomed(session, stock)
        still = {version.id for version in doomed}
        shown = {row.id for row in planned.deployments}
        for row in _deployed_for_nobody(session, stock, doomed):
            if row.id in shown:
                deployments.ask_to_remove(session, row, by)
        for version in planned.versions:
            if version.id in still:
                take_out_of_service(session, session.get_one(ModelVersion, version.id), by)
        unreferenced = {row.id for row in snapshots.unreferenced(session, stock.team_id)}
        for snapshot in planned.snapshots:
            if snapshot.id in unreferenced:
                _remove_snapshot(session, session.get_one(Snapshot, snapshot.id), by)
        if planned.paths or planned.away:
            audit.record(
                session, stock.team_id, actor=by, action="files.pruned", subject="files:of_runs",
                details={"here": len(planned.paths), "elsewhere": len(planned.away)},
            )  # fmt: skip
    now = plan(stock)
    for path in now.paths:
        if path in planned.paths:
            remove(path)
    planned_away = {run.id for run in planned.away}
    away = [run for run in now.away if run.id in planned_away]
    return [problem for run in away if (problem := _erase(stock, run))]


def size_of(path: Path) -> int:
    """Bytes on disk."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size if path.exists() else 0


def _doomed(session: Session, stock: Stock) -> list[ModelVersion]:
    """
    Versions that are neither live, nor what a rollback returns to, nor tried or pinned anywhere,
    nor wait for somebody's decision.
    """
    found = versions.visible(session, stock.team_id, stock.viewer)
    kept = _in_use(session, stock, {version.audience for version in found})
    return [
        version
        for version in found
        if version.state != VersionState.RETIRED
        and version.id not in kept
        and not _waits(session, version, found, kept)
    ]


def _deployed_for_nobody(
    session: Session, stock: Stock, doomed: Collection[ModelVersion]
) -> list[Deployment]:
    going = {version.id for version in doomed}
    return [
        row
        for row in deployments.visible(session, stock.team_id, stock.viewer)
        if deployments.is_idle(session, row)
        and (
            row.version_id in going
            or session.get_one(ModelVersion, row.version_id).state == VersionState.RETIRED
        )
    ]


def _in_use(session: Session, stock: Stock, audiences: Collection[str]) -> set[int | None]:
    kept = pins.pinned_versions(session, stock.team_id)
    for canary in canaries.all_running(session):
        kept |= {canary.version_id, canary.live_id}
    for audience in audiences:
        kept |= set(promotion.answering(session, stock.team_id, audience))
    return kept - {None}


def _waits(
    session: Session,
    version: ModelVersion,
    found: Collection[ModelVersion],
    kept: Collection[int | None],
) -> bool:
    """Not judged yet, the audience's newest, or earned and newer than all that is in use."""
    assert version.id is not None
    run = runs.get(session, version.team_id, version.run_id)
    if run and run.state in OPEN_RUN_STATES:
        return True
    same = [other for other in found if other.audience == version.audience]
    if version.state == VersionState.PROMOTED:
        return False
    if version.id == max(other.id or 0 for other in same):
        return True
    newest_used = max((other.id or 0 for other in same if other.id in kept), default=0)
    judged = evaluations.of_version(session, version.team_id, version.id)
    earned = judged is not None and judged.verdict == Verdict.PROMOTE
    return earned and version.id > newest_used


def _paths(home: Path, run: Run, version: ModelVersion | None, *, is_over: bool) -> Iterator[Path]:
    folders = [home / jobs / (run.job_id or f"run-{run.id}") for jobs in JOB_FOLDERS]
    there = [folder for folder in folders if _is_inside(home, folder) and folder.is_dir()]
    names = (version.adapter_path, version.gguf_path) if version else ()
    adapters = [home / name for name in names if name]
    if not is_over:
        for path in (path for folder in there for path in folder.iterdir()):
            served = any(adapter.is_relative_to(path) for adapter in adapters)
            if path.name not in LEFT_OF_JOB and not served:
                yield path
        return
    yield from there
    for path in adapters:
        inside = any(path.is_relative_to(folder) for folder in there)
        if not inside and _is_inside(home, path) and path.exists():
            yield path


def _is_inside(home: Path, path: Path) -> bool:
    return path.resolve() != home.resolve() and path.resolve().is_relative_to(home.resolve())


def _has_files_elsewhere(stock: Stock, run: Run) -> bool:
    return bool(run.job_id and run.trainer in stock.elsewhere and not run.record.get(ERASED))


def _erase(stock: Stock, run: Run) -> str:
    assert run.job_id is not None
    try:
        stock.elsewhere[run.trainer].erase(run.job_id, keep_model=False)
    except TrainingError as error:
        return f"Run {run.id}: {error}"
    with stock.database.write() as session:
        row = session.get_one(Run, run.id)
        row.record = row.record | {ERASED: True}
        session.add(row)
    return ""


def _remove_snapshot(session: Session, snapshot: Snapshot, by: str) -> None:
    audit.record(
        session,
        snapshot.team_id,
        actor=by,
        action="snapshot.pruned",
        subject=f"snapshot:{snapshot.id}",
        audience=snapshot.audience,
        details={"number": snapshot.number, "hash": snapshot.hash},
    )
    snapshots.remove(session, snapshot)
