"""Puts two versions side by side, from the evidence their evaluations left."""

from collections.abc import Hashable
from pathlib import Path

from sqlmodel import Session

from bot.answering.promotion import has_its_files
from bot.errors import NotFoundError
from bot.evaluation.comparison import Comparison, Sheet, compare
from bot.evaluation.lines import best_line, strategy_of_line
from bot.pipeline.reporting import snapshot_of
from storage import evaluations, snapshots, versions
from storage.audience import Viewer
from storage.tables import Evaluation, ModelVersion, Split, VersionState

#: How prompting alone is called.
BASE = "base"


def compare_versions(
    session: Session,
    team_id: str,
    first: str,
    second: str,
    viewer: Viewer,
    home: Path | None = None,
) -> Comparison:
    """
    ``base`` on one side is the best prompting, as the other side's evaluation measured it.
    ``home`` is where files are looked for.

    Raises:
        NotFoundError: there is no such version for this viewer, or it was never judged.
    """
    if first == second:
        raise NotFoundError(f"{first} is {second}: name two different versions.")
    named = {
        name: _judged(session, team_id, name, viewer) for name in (first, second) if name != BASE
    }
    other = next(iter(named.values()))
    sheets, clusters = [], dict[str, Hashable]()
    for name in (first, second):
        version, evaluation = named.get(name, other)
        sheet, facts = _sheet(session, name, version, evaluation, viewer)
        sheets.append(sheet)
        clusters = facts | clusters  # those of the first count
    gone = [
        name
        for name, (version, _) in named.items()
        if version.state is VersionState.RETIRED or not has_its_files(version, home)
    ]
    return compare(sheets[0], sheets[1], clusters, gone)


def _judged(
    session: Session, team_id: str, name: str, viewer: Viewer
) -> tuple[ModelVersion, Evaluation]:
    version = versions.by_name(session, team_id, name, viewer)
    if version is None:
        raise NotFoundError(f"There is no version {name}. `models list` shows what there is.")
    evaluation = evaluations.of_version(session, team_id, version.id or 0)
    if evaluation is None:
        raise NotFoundError(f"{name} was not judged yet: `evaluate {name}` does.")
    return version, evaluation


def _sheet(
    session: Session, name: str, version: ModelVersion, evaluation: Evaluation, viewer: Viewer
) -> tuple[Sheet, dict[str, Hashable]]:
    """Scores and facts by a question's hash: the same question is known in every snapshot."""
    line = best_line(evaluation, None if name == BASE else version.name)
    if line is None:
        return Sheet(name, "nothing held out", {}), {}
    rows = snapshots.with_tombstones(
        session, version.team_id, snapshot_of(evaluation, version), viewer
    )
    known = {str(row.id): row.row_hash for row in rows if row.split == Split.HELD_OUT_WORDING}
    scores: dict[str, float] = next(
        (
            one["f1"]
            for one in evaluation.evidence.get("scores", ())
            if strategy_of_line(one) == strategy_of_line(line)
        ),
        {},
    )
    clusters = evaluation.evidence.get("clusters", {})
    sheet = Sheet(
        name=name,
        strategy=line["name"],
        scores={known[row]: score for row, score in scores.items() if row in known},
        prompt_tokens=line["prompt_tokens"],
        seconds=line["seconds"],
    )
    return sheet, {known[row]: fact for row, fact in clusters.items() if row in known}
