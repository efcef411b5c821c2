"""
A canary: a candidate answers some of the conversations, until people's votes decide.

Starting and ending one. Who judges it is ``bot.pipeline.watching``; who answers a conversation,
``bot.answering.choice``.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from bot.answering.parity import accept_unproven, check_proven, may_answer
from bot.answering.promotion import find_version, judged, strategy_of
from bot.answering.strategy import live_strategy
from bot.errors import AlreadyLiveError, CanaryError, NotEarnedError
from storage import audit, canaries, versions
from storage.audience import Viewer
from storage.tables import Canary, CanaryState, Evaluation, ModelVersion, Verdict, VersionState

#: Percent of the conversations; the rest is what there is to compare with.
SHARES = range(1, 100)
_ALLOWED = (Verdict.PROMOTE, Verdict.HOLD)


@dataclass(frozen=True)
class Plan:
    """
    What somebody asks for; ``channel_id`` is where they are told how it ended.
    ``accepts_unproven`` as in ``promotion.promote``.
    """

    version_name: str
    share: int
    by: str
    channel_id: str
    ends_at: datetime
    accepts_unproven: bool = False


def start(
    session: Session, team_id: str, plan: Plan, viewer: Viewer, home: Path | None = None
) -> Canary:
    """
    Let a candidate answer a share of its audience's conversations, or change that share.

    Raises:
        NotFoundError: no such version, or not for this viewer; names the nearest.
        AlreadyLiveError: it answers everywhere already.
        NotEarnedError: its evaluation forbids it, or it cannot answer.
        UnprovenError: nobody knows whether it is served as it was trained.
        CanaryError: the share is none, or another canary is under way.
    """
    if plan.share not in SHARES:
        raise CanaryError(
            f"A canary takes {SHARES[0]}% to {SHARES[-1]}% of the conversations. To let a version "
            "answer all of them, use `/apprentice promote`."
        )
    version = find_version(session, team_id, plan.version_name, viewer)
    live = live_strategy(session, team_id, version.audience)
    if live.version_name == version.name:
        raise AlreadyLiveError(version.name)
    evaluation = judged(session, version, home)
    if evaluation.verdict not in _ALLOWED:
        raise NotEarnedError(f"{version.name} may not answer anybody. {evaluation.reason}")
    if plan.accepts_unproven:
        accept_unproven(session, evaluation, version, plan.by)
    check_proven(evaluation, version)
    running = canaries.running(session, team_id, version.audience)
    if running is not None:
        return _change_share(session, running, version, plan)
    assert version.id is not None
    strategy = strategy_of(version, evaluation)
    canary = Canary(
        team_id=team_id,
        audience=version.audience,
        version_id=version.id,
        live_id=id_of(session, team_id, live.version_name, version.audience),
        examples=strategy.examples,
        scale=strategy.scale,
        share=plan.share,
        channel_id=plan.channel_id,
        started_by=plan.by,
        ends_at=plan.ends_at,
    )
    session.add(canary)
    session.flush()
    _record(session, canary, version, plan.by, "canary.started", share=plan.share)
    return canary


def may_be_tried(version: ModelVersion, evaluation: Evaluation | None) -> bool:
    """Say whether a version may answer anybody at all."""
    return (
        evaluation is not None
        and evaluation.verdict in _ALLOWED
        and may_answer(evaluation, version)
    )


def end(
    session: Session,
    canary: Canary,
    state: CanaryState,
    reason: str,
    by: str,
    now: datetime,
) -> ModelVersion | None:
    """End a canary and keep why; from the next question on, what is live answers."""
    canary.state, canary.reason, canary.ended_at = state, reason, now
    session.add(canary)
    version = versions.get(session, canary.team_id, canary.version_id)
    if version is None:
        return None
    if state is CanaryState.HELD and version.state == VersionState.CANDIDATE:
        version.state, version.decided_by = VersionState.HELD, canary.started_by
    if state is CanaryState.ROLLED_BACK:
        version.taken_back_at = now
    session.add(version)
    _record(session, canary, version, by, f"canary.{state.value}", reason=reason)
    return version


def stop(session: Session, team_id: str, audience: str, by: str, now: datetime) -> Canary:
    """
    End the canary of an audience because a person wants it.

    Raises:
        CanaryError: none is under way.
    """
    canary = canaries.running(session, team_id, audience)
    if canary is None:
        raise CanaryError(
            "No canary is running here. An admin starts one with `/apprentice canary 20%`."
        )
    end(session, canary, CanaryState.STOPPED, "A person ended it.", by, now)
    return canary


def id_of(session: Session, team_id: str, version_name: str | None, audience: str) -> int | None:
    """The id of what answers for an audience; None is the base model."""
    if version_name is None:
        return None
    version = versions.by_name(session, team_id, version_name, Viewer.model(audience))
    return version.id if version else None


def _change_share(session: Session, canary: Canary, version: ModelVersion, plan: Plan) -> Canary:
    if canary.version_id != version.id:
        other = versions.get(session, canary.team_id, canary.version_id)
        raise CanaryError(
            f"One canary at a time: {other.name if other else 'another version'} is being tried. "
            "Wait for the votes, or end it with `/apprentice canary off`."
        )
    canary.share = plan.share
    session.add(canary)
    _record(session, canary, version, plan.by, "canary.share", share=plan.share)
    return canary


def _record(
    session: Session, canary: Canary, version: ModelVersion, by: str, action: str, **details: Any
) -> None:
    audit.record(
        session,
        canary.team_id,
        actor=by,
        action=action,
        subject=f"version:{version.name}",
        audience=canary.audience,
        details=details,
    )
