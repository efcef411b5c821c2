"""
Moving the pointer that says which strategy answers: promote, hold, roll back.

Versions never change; a promotion is a new row, and so is a rollback. Refuses what the
evaluation did not prove.
"""

import difflib
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.answering.strategy import DEFAULT_EXAMPLES, live_strategy
from bot.errors import AlreadyLiveError, NotEarnedError, NotFoundError, NothingToRollBackError
from storage import audit, evaluations, versions
from storage.audience import Viewer
from storage.tables import Evaluation, ModelVersion, Promotion, Verdict, VersionState


@dataclass(frozen=True)
class Moved:
    """Where the pointer once stood; ``version_name`` None is the base model."""

    version_name: str | None
    examples: int
    by: str
    at: datetime
    is_rollback: bool


def promote(
    session: Session, team_id: str, version_name: str, by: str, viewer: Viewer
) -> Promotion:
    """
    Put a version live, with the number of examples that its evaluation found best.

    Raises:
        NotFoundError: no such version, or not for this viewer; names the nearest.
        AlreadyLiveError: it answers already.
        NotEarnedError: the evaluation does not support it, or is not there.
    """
    version = find_version(session, team_id, version_name, viewer)
    if live_strategy(session, team_id, version.audience).version_name == version.name:
        raise AlreadyLiveError(version.name)
    evaluation = _earned(session, version)
    promotion = Promotion(
        team_id=team_id,
        audience=version.audience,
        version_id=version.id,
        examples=_best_examples(evaluation),
        promoted_by=by,
    )
    version.state, version.decided_by = VersionState.PROMOTED, by
    session.add_all([promotion, version])
    session.flush()
    _record(session, "version.promoted", version, by)
    return promotion


def hold(session: Session, team_id: str, version_name: str, by: str, viewer: Viewer) -> None:
    """
    Note that a person decided to wait with a version; it can be promoted later.

    Raises:
        NotFoundError: no such version, or not for this viewer; names the nearest.
        AlreadyLiveError: it answers already; rolling back is the way.
    """
    version = find_version(session, team_id, version_name, viewer)
    if live_strategy(session, team_id, version.audience).version_name == version.name:
        raise AlreadyLiveError(version.name)
    if version.state == VersionState.CANDIDATE:
        version.state = VersionState.HELD
    version.decided_by = by
    session.add(version)
    _record(session, "version.held", version, by)


def rollback(session: Session, team_id: str, audience: str, by: str) -> Promotion:
    """
    Return to what answered before the last promotion; below the first is prompting alone.

    Raises:
        NothingToRollBackError: nothing is promoted.
    """
    standing: list[Promotion] = []
    for row in reversed(versions.promotions(session, team_id, audience)):
        if row.is_rollback:
            standing.pop()
        else:
            standing.append(row)
    if not standing:
        raise NothingToRollBackError
    before = standing[-2] if len(standing) > 1 else None
    promotion = _return_to(session, team_id, audience, by, standing[-1], before)
    # One row a step, so that the history still tells what stood before what.
    while before is not None and not _may_answer(session, before):
        left, before = before, standing[-3] if len(standing) > 2 else None
        standing.pop()
        promotion = _return_to(session, team_id, audience, by, left, before)
    return promotion


def _may_answer(session: Session, promotion: Promotion) -> bool:
    """What lost its files, or learned from words that were erased since, is not returned to."""
    if promotion.version_id is None:
        return True
    version = versions.get(session, promotion.team_id, promotion.version_id)
    return (
        version is not None and version.state != VersionState.RETIRED and version.tainted_at is None
    )


def _return_to(
    session: Session,
    team_id: str,
    audience: str,
    by: str,
    left: Promotion,
    before: Promotion | None,
) -> Promotion:
    promotion = Promotion(
        team_id=team_id,
        audience=audience,
        version_id=before.version_id if before else None,
        examples=before.examples if before else DEFAULT_EXAMPLES,
        is_rollback=True,
        promoted_by=by,
    )
    session.add(promotion)
    session.flush()
    audit.record(
        session,
        team_id,
        actor=by,
        action="version.rolled_back",
        subject=f"audience:{audience}",
        audience=audience,
        details={"from": left.version_id, "to": promotion.version_id},
    )
    return promotion


def history(session: Session, team_id: str, audience: str, viewer: Viewer) -> list[Moved]:
    """Where the pointer of an audience stood, newest first."""
    if audience not in viewer.audiences:
        return []
    names = {version.id: version.name for version in versions.visible(session, team_id, viewer)}
    return [
        Moved(
            version_name=names.get(row.version_id),
            examples=row.examples,
            by=row.promoted_by,
            at=row.created_at,
            is_rollback=row.is_rollback,
        )
        for row in versions.promotions(session, team_id, audience)
    ]


def find_version(session: Session, team_id: str, version_name: str, viewer: Viewer) -> ModelVersion:
    """
    Raises:
        NotFoundError: no such version, or not for this viewer; names the nearest.
    """
    version = versions.by_name(session, team_id, version_name.strip().lower(), viewer)
    if version:
        return version
    known = [each.name for each in versions.visible(session, team_id, viewer)]
    if not known:
        raise NotFoundError(
            "There is no model version yet. An admin can train one with `/apprentice train`."
        )
    near = difflib.get_close_matches(version_name.lower(), known, n=3, cutoff=0.4) or known[:3]
    raise NotFoundError("There is no such model version. Did you mean " + " or ".join(near) + "?")


def _record(session: Session, action: str, version: ModelVersion, by: str) -> None:
    audit.record(
        session,
        version.team_id,
        actor=by,
        action=action,
        subject=f"version:{version.name}",
        audience=version.audience,
    )


def _earned(session: Session, version: ModelVersion) -> Evaluation:
    if version.state == VersionState.RETIRED:
        raise NotEarnedError(f"{version.name} is retired: its files may be gone. Train again.")
    if version.tainted_at is not None:
        raise NotEarnedError(
            f"{version.name} learned from something that was erased since. Train again."
        )
    assert version.id is not None
    evaluation = evaluations.of_version(session, version.team_id, version.id)
    if evaluation is None:
        raise NotEarnedError(
            f"{version.name} is not evaluated yet. Wait for the verdict of its run."
        )
    if evaluation.verdict != Verdict.PROMOTE:
        raise NotEarnedError(f"{version.name} did not earn it. {evaluation.reason}")
    return evaluation


def _best_examples(evaluation: Evaluation) -> int:
    for line in evaluation.strategies:
        if line["name"] == evaluation.best:
            return int(line["examples"])
    return DEFAULT_EXAMPLES
