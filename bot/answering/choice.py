"""
Which strategy answers one conversation: the channel's pin, else a canary's candidate for its share
of conversations, else what is live.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session

from bot.answering.strategy import BASE, Strategy, live_strategy
from storage import canaries, pins, versions
from storage.audience import WORKSPACE
from storage.tables import Canary, ModelVersion, Pin, VersionState


@dataclass(frozen=True)
class Choice:
    """
    ``canary_id`` is the canary in which the answer counts, on either side. ``unavailable`` names
    the version that was to answer and cannot.
    """

    strategy: Strategy
    canary_id: int | None = None
    unavailable: str | None = None


def choose_strategy(
    session: Session, team_id: str, audience: str, channel_id: str, thread_ts: str
) -> Choice:
    """Choose for a conversation; the same one gets the same side as long as a canary runs."""
    pin = pins.find(session, team_id, channel_id)
    if pin is not None:
        return _pinned(session, pin, audience)
    live = live_strategy(session, team_id, audience)
    canary = _canary_of(session, team_id, audience)
    if canary is None:
        return Choice(live)
    if not is_in_share(team_id, channel_id, thread_ts, canary.share):
        return Choice(live, canary.id)
    version = versions.get(session, team_id, canary.version_id)
    if version is None or not can_answer(version):
        return Choice(live)
    return Choice(Strategy(version.name, canary.examples, canary.scale), canary.id)


def instead_of(
    session: Session, team_id: str, audience: str, version_name: str, loaded: Collection[str]
) -> Choice:
    """
    Who answers where a version cannot: what was live before it and answers from this machine,
    else the base model with examples.
    """
    for whose in dict.fromkeys((audience, WORKSPACE)):
        for promotion in versions.promotions(session, team_id, whose):
            version = promotion.version_id and versions.get(session, team_id, promotion.version_id)
            if not version or version.name == version_name or version.name not in loaded:
                continue
            if version.remote_id or version.taken_back_at or not can_answer(version):
                continue
            strategy = Strategy(version.name, promotion.examples, promotion.scale)
            return Choice(strategy, unavailable=version_name)
    return base_instead(version_name)


def base_instead(version_name: str) -> Choice:
    """The base model with examples, where a version was to answer and cannot."""
    return Choice(BASE, unavailable=version_name)


def can_answer(version: ModelVersion) -> bool:
    """What lost its files, or learned from words that were erased since, is chosen no more."""
    return version.state != VersionState.RETIRED and version.tainted_at is None


def is_in_share(team_id: str, channel_id: str, thread_ts: str, share: int) -> bool:
    """
    Say whether a conversation belongs to the first ``share`` percent of all.

    A conversation that is in a share is in every greater one too.
    """
    digest = hashlib.sha256(f"{team_id}:{channel_id}:{thread_ts}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * 100 < share * 2**64


def _pinned(session: Session, pin: Pin, audience: str) -> Choice:
    if pin.version_id is None:
        return Choice(Strategy(None, pin.examples))
    version = versions.get(session, pin.team_id, pin.version_id)
    if version is None:
        return Choice(BASE)
    # A channel that was private once may not be any more.
    is_for_others = version.audience not in (WORKSPACE, audience)
    if is_for_others:
        return Choice(BASE)
    if not can_answer(version):
        return base_instead(version.name)
    return Choice(Strategy(version.name, pin.examples, pin.scale))


def _canary_of(session: Session, team_id: str, audience: str) -> Canary | None:
    """A private channel that follows the workspace takes part in the workspace's canary."""
    canary = canaries.running(session, team_id, audience)
    if canary is not None or audience == WORKSPACE:
        return canary
    own = versions.live(session, team_id, audience)
    if own is not None and own.version_id is not None:
        return None
    return canaries.running(session, team_id, WORKSPACE)
