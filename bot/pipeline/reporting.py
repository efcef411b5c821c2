"""Writes the page of a run: from tables and pictures to ``reports/run-N/report.html``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlmodel import Session

from bot.errors import NotFoundError
from bot.evaluation.lines import best_line, key_of_line
from bot.evaluation.report import Asked, Given, Report, render
from storage import evaluations, runs, snapshots, versions
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import Evaluation, EvaluationAnswer, ModelVersion, Snapshot, SnapshotRow, Split

REPORT_FILE = "report.html"
_ASKED = (Split.HELD_OUT_WORDING, Split.HELD_OUT_QUESTION)


def write_report(session: Session, team_id: str, run_id: int, viewer: Viewer, path: Path) -> int:
    """
    Write the page as it is now, without words erased since; returns how many questions it shows.

    Raises:
        NotFoundError: there is no such run for this viewer, or it has no verdict.
    """
    report = _report(session, team_id, run_id, viewer)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(report), "utf-8")
    return len(report.asked)


def _report(session: Session, team_id: str, run_id: int, viewer: Viewer) -> Report:
    run = runs.get(session, team_id, run_id)
    if run is None or run.audience not in viewer.audiences:
        raise NotFoundError(f"There is no run {run_id}. `models list` shows what came of them.")
    evaluation = evaluations.of_run(session, team_id, run_id)
    version = versions.of_run(session, team_id, run_id)
    if evaluation is None or version is None:
        raise NotFoundError(f"Run {run_id} has no verdict: it is {run.state.value}.")
    snapshot_id = snapshot_of(evaluation, version)
    snapshot = session.get_one(Snapshot, snapshot_id)
    rows = snapshots.with_tombstones(session, team_id, snapshot_id, viewer)
    answers = evaluations.answers_of(session, team_id, run_id, viewer)
    held_out = [row for row in rows if row.split in _ASKED]
    prompted, tuned = best_line(evaluation, None), best_line(evaluation, version.name)
    compared = (prompted["name"], tuned["name"]) if prompted and tuned else None
    return Report(
        run=run,
        version=version,
        evaluation=evaluation,
        snapshot=snapshot,
        rows=Counter(row.split.value for row in rows),
        asked=_asked(evaluation, held_out, answers, compared),
        compared=compared,
        erased=sum(row.erased for row in held_out),
        made_at=utc_now(),
        pictures=_pictures(evaluation),
    )


def snapshot_of(evaluation: Evaluation, version: ModelVersion) -> int:
    """The snapshot whose questions were asked: the version's own, unless it was judged again."""
    return int(evaluation.evidence.get("snapshot", version.snapshot_id))


def _asked(
    evaluation: Evaluation,
    rows: Sequence[SnapshotRow],
    answers: Sequence[EvaluationAnswer],
    compared: tuple[str, str] | None,
) -> list[Asked]:
    titles = {key_of_line(line): line["name"] for line in evaluation.strategies}
    by_row: dict[int, dict[str, Given]] = {}
    for one in answers:
        title = titles.get(one.strategy, one.strategy)
        by_row.setdefault(one.snapshot_row_id, {})[title] = Given(
            title, one.text, one.f1, one.is_reused
        )
    return [
        Asked(
            question=row.question,
            reference=row.answer,
            is_unseen=row.split == Split.HELD_OUT_QUESTION,
            answers=[given[title] for title in titles.values() if title in given],
            gain=_gain(given, compared) if row.split == Split.HELD_OUT_WORDING else None,
        )
        for row in rows
        if not row.erased and (given := by_row.get(row.id or 0, {}))
    ]


def _gain(given: dict[str, Given], compared: tuple[str, str] | None) -> float | None:
    if compared is None or not given.keys() >= set(compared):
        return None
    prompted, tuned = compared
    return given[tuned].f1 - given[prompted].f1


def _pictures(evaluation: Evaluation) -> list[tuple[bytes, str]]:
    """Those still there; a page without pictures is better than none."""
    found = []
    for picture in evaluation.pictures:
        path = Path(picture["path"])
        if path.is_file():
            found.append((path.read_bytes(), picture["alt_text"]))
    return found
