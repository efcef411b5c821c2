"""
Moving the pointer that says which strategy answers: promote, roll back.

Versions never change; a promotion is a new row, and so is a rollback. Refuses what the
evaluation did not prove.
"""

import difflib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from bot.answering.blind import people_words
from bot.answering.parity import IF_PROVEN, accept_unproven, check_proven
from bot.answering.strategy import BASE, FULL_SCALE, Strategy, live_strategy
from bot.engines.intact import is_intact
from bot.errors import (
    AlreadyLiveError,
    MovedMeanwhileError,
    NotEarnedError,
    NotFoundError,
    NothingToRollBackError,
)
from storage import audit, canaries, evaluations, versions
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import Evaluation, ModelVersion, Promotion, Verdict, VersionState

#: Two people who decide within so short a time decide on the same state of things.
AT_ONCE = timedelta(seconds=10)


@dataclass(frozen=True)
class Moved:
    """Where the pointer once stood; ``version_name`` None is the base model."""

    version_name: str | None
    examples: int
    by: str
    at: datetime
    is_rollback: bool


def promote(
    session: Session,
    team_id: str,
    version_name: str,
    by: str,
    viewer: Viewer,
    home: Path | None = None,
    *,
    accepts_unproven: bool = False,
) -> Promotion:
    """
    Put a version live, with the number of examples that its evaluation found best.

    ``home`` is where its files are looked for. ``accepts_unproven``: ``by`` takes it on themselves
    that nobody can prove it to be served as it was trained.

    Raises:
        NotFoundError: no such version, or not for this viewer; names the nearest.
        AlreadyLiveError: it answers already.
        NotEarnedError: the evaluation does not support it, or is not there; or its files are gone.
        UnprovenError: nobody knows whether it is served as it was trained.
        MovedMeanwhileError: somebody else decided what answers in the same moment.
    """
    version = find_version(session, team_id, version_name, viewer)
    if live_strategy(session, team_id, version.audience).version_name == version.name:
        raise AlreadyLiveError(version.name)
    evaluation = earned(session, version, home, accepted_by=by if accepts_unproven else None)
    _check_nobody_moved(session, version, by)
    return put_live(session, version, strategy_of(version, evaluation), by, by)


def put_live(
    session: Session,
    version: ModelVersion,
    strategy: Strategy,
    by: str,
    decided_by: str,
    reason: str | None = None,
) -> Promotion:
    """Move the pointer to a version; ``decided_by`` is the person behind it."""
    promotion = Promotion(
        team_id=version.team_id,
        audience=version.audience,
        version_id=version.id,
        examples=strategy.examples,
        scale=strategy.scale,
        promoted_by=by,
        reason=reason,
    )
    version.state, version.decided_by = VersionState.PROMOTED, decided_by
    session.add_all([promotion, version])
    session.flush()
    record(session, "version.promoted", version, by)
    return promotion


def rollback(
    session: Session,
    team_id: str,
    audience: str,
    by: str,
    reason: str | None = None,
    *,
    home: Path | None = None,
) -> Promotion:
    """
    Return to what answered before the last promotion; below the first is prompting alone.

    ``reason`` is why, where no person decided it; ``home`` is where files are looked for: what has
    lost its own is passed over.

    Raises:
        NothingToRollBackError: nothing is promoted.
    """
    standing = _standing(session, team_id, audience)
    if not standing:
        raise NothingToRollBackError
    before = standing[-2] if len(standing) > 1 else None
    promotion = _return_to(session, team_id, audience, by, standing[-1], before, reason)
    # One row a step, so that the history still tells what stood before what.
    while before is not None and not _may_answer(session, before, home):
        left, before = before, standing[-3] if len(standing) > 2 else None
        standing.pop()
        promotion = _return_to(session, team_id, audience, by, left, before)
    return promotion


def answering(session: Session, team_id: str, audience: str) -> list[int]:
    """The version that is live and the one a rollback returns to; the base model is none."""
    newest_first = _standing(session, team_id, audience)[::-1]
    live, before = newest_first[:1], newest_first[1:]
    target = [row for row in before if _may_answer(session, row)][:1]
    return [row.version_id for row in (*live, *target) if row.version_id is not None]


def _standing(session: Session, team_id: str, audience: str) -> list[Promotion]:
    """The promotions that were not taken back, the live one last."""
    standing: list[Promotion] = []
    for row in reversed(versions.promotions(session, team_id, audience)):
        if row.is_rollback:
            standing.pop()
        else:
            standing.append(row)
    return standing


def _may_answer(session: Session, promotion: Promotion, home: Path | None = None) -> bool:
    """What lost its files, or learned from words that were erased since, is not returned to."""
    if promotion.version_id is None:
        return True
    version = versions.get(session, promotion.team_id, promotion.version_id)
    return (
        version is not None
        and version.state != VersionState.RETIRED
        and version.tainted_at is None
        and has_its_files(version, home)
    )


def _return_to(
    session: Session,
    team_id: str,
    audience: str,
    by: str,
    left: Promotion,
    before: Promotion | None,
    reason: str | None = None,
) -> Promotion:
    promotion = Promotion(
        team_id=team_id,
        audience=audience,
        version_id=before.version_id if before else None,
        examples=before.examples if before else BASE.examples,
        scale=before.scale if before else FULL_SCALE,
        is_rollback=True,
        promoted_by=by,
        reason=reason,
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
        details={"from": left.version_id, "to": promotion.version_id}
        | ({"reason": reason} if reason else {}),
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


def record(session: Session, action: str, version: ModelVersion, by: str) -> None:
    audit.record(
        session,
        version.team_id,
        actor=by,
        action=action,
        subject=f"version:{version.name}",
        audience=version.audience,
    )


def earned(
    session: Session,
    version: ModelVersion,
    home: Path | None = None,
    *,
    accepted_by: str | None = None,
) -> Evaluation:
    """
    Return the evaluation on the strength of which a version may answer everywhere.

    ``accepted_by`` is the admin who does without a proof of parity, if one does.

    Raises:
        NotEarnedError: there is none, or the version cannot answer any more; says why.
        UnprovenError: it lacks nothing but the proof that it is served as it was trained.
    """
    evaluation = judged(session, version, home)
    _check_earned(session, version, evaluation)
    if accepted_by is not None:
        accept_unproven(session, evaluation, version, accepted_by)
    check_proven(evaluation, version)
    return evaluation


def _check_earned(session: Session, version: ModelVersion, evaluation: Evaluation) -> None:
    assert version.id is not None
    people = evaluation.evidence.get("people", {})
    # Votes settle what was not settled; they outweigh no leak and nothing that was forgotten.
    is_open = evaluation.verdict in (Verdict.PROMOTE, Verdict.HOLD)
    is_won = canaries.is_won(session, version.team_id, version.id)
    if is_open and (is_won or people.get("settles")):
        return
    if evaluation.verdict != Verdict.PROMOTE and IF_PROVEN not in evaluation.evidence:
        raise NotEarnedError(f"{version.name} did not earn it. {evaluation.reason}")
    if people.get("prefer") == "prompted":
        raise NotEarnedError(f"{version.name} did not earn it. {people_words(people)}")


def judged(session: Session, version: ModelVersion, home: Path | None = None) -> Evaluation:
    """
    Return the evaluation of a version that could answer, whatever its verdict.

    Raises:
        NotEarnedError: it has none, or its files are gone, or what it learned was erased.
    """
    if version.state == VersionState.RETIRED:
        raise NotEarnedError(f"{version.name} is retired: its files may be gone. Train again.")
    if not has_its_files(version, home):
        raise NotEarnedError(
            f"The files of {version.name} are gone, or are not those that were made. Bring them "
            "back from a backup, or train again."
        )
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
    return evaluation


def has_its_files(version: ModelVersion, home: Path | None) -> bool:
    """Where nobody says where to look, or a provider keeps them, they are taken to be there."""
    if home is None or not version.gguf_path:
        return True
    return is_intact(home / version.gguf_path, version.checksum)


def strategy_of(version: ModelVersion, evaluation: Evaluation) -> Strategy:
    """How a version answered best: the gate's choice, else by token F1."""
    own = [line for line in evaluation.strategies if line.get("version") == version.name]
    best = evaluation.evidence.get(IF_PROVEN, evaluation.best)
    chosen = [line for line in own if line["name"] == best]
    lines = chosen or sorted(own, key=lambda line: float(line.get("f1", 0)), reverse=True)
    if not lines:
        return Strategy(version.name, BASE.examples)
    return Strategy(version.name, int(lines[0]["examples"]), lines[0].get("scale", FULL_SCALE))


def _check_nobody_moved(session: Session, version: ModelVersion, by: str) -> None:
    """Of two who promote different versions at once, one wins and the other is told."""
    newest = versions.live(session, version.team_id, version.audience)
    # A clock that was put back must not make "a moment ago" last for hours.
    if newest and newest.promoted_by != by and abs(utc_now() - newest.created_at) < AT_ONCE:
        live = live_strategy(session, version.team_id, version.audience)
        raise MovedMeanwhileError(version.name, live.version_name)
