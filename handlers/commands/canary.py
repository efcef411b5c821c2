"""``/apprentice canary [version] 20%``, ``canary off`` and ``canary``: a version on trial."""

import re
from datetime import timedelta

from slack_sdk import WebClient
from sqlmodel import Session

from bot.answering import canary as canaries_of
from bot.answering.canary import Plan
from bot.answering.promotion import find_version
from bot.answering.strategy import live_strategy
from bot.errors import CanaryError, NotFoundError
from handlers import blocks
from handlers.deps import Ask, Deps, Reply
from handlers.people import Place
from handlers.run_actions import admin, split_unproven
from handlers.run_blocks import audience_words
from storage import canaries, feedback, versions
from storage.audience import WORKSPACE, Viewer
from storage.tables import Canary, CanaryState

_SHARE = re.compile(r"(\d{1,9})\s*%?")
_ENDED_LISTED = 3
_USAGE = (
    "Write a share, and before it a version if it is not the newest: "
    "`/apprentice canary workspace-v3 20%`. `/apprentice canary off` ends one."
)
_NONE = (
    "No canary is running. An admin lets a version answer some conversations on trial with "
    "`/apprentice canary 20%`."
)
_STATES = {
    CanaryState.PROMOTED: "promoted",
    CanaryState.ROLLED_BACK: "taken back",
    CanaryState.HELD: "held",
    CanaryState.STOPPED: "ended",
}


def canary(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, NotFoundError, AlreadyLiveError, NotEarnedError, CanaryError: why not.
    """
    asked, accepts_unproven = split_unproven(ask.words)
    words = asked.lower().split()
    if not words:
        return _standing(ask, deps)
    if words == ["off"]:
        return _off(ask, deps)
    name, share = _read(words)
    return _start(ask, name, share, deps, accepts_unproven=accepts_unproven)


def _read(words: list[str]) -> tuple[str | None, int]:
    """
    Raises:
        CanaryError: no share, or too many words.
    """
    name, rest = (None, words) if words[0][0].isdigit() else (words[0], words[1:])
    share = _SHARE.fullmatch(" ".join(rest))
    if share is None:
        raise CanaryError(_USAGE)
    return name, int(share[1])


def _start(ask: Ask, name: str | None, share: int, deps: Deps, *, accepts_unproven: bool) -> Reply:
    person = admin(ask.user_id, "start a canary", deps)
    place, viewer = deps.people.place(ask.channel_id), deps.people.personal_viewer(person)
    with deps.database.write() as session:
        name = name or _newest(session, ask.team_id, place.audience, viewer)
        version = find_version(session, ask.team_id, name, viewer)
        plan = Plan(
            version.name,
            share,
            by=person.user_id,
            channel_id=_told_in(version.audience, ask, place, deps),
            ends_at=deps.now() + timedelta(days=deps.canary_days),
            accepts_unproven=accepts_unproven,
        )
        begun = canaries_of.start(session, ask.team_id, plan, viewer, deps.home)
    return Reply(
        f"*{version.name}* answers {share} % of the conversations for "
        f"{audience_words(begun.audience)} from now on. I compare what people say of its answers "
        "with what they say of the others after every vote, and promote it or take it back by "
        f"myself; undecided on {begun.ends_at:%d %B}, I hold it. `/apprentice canary off` ends it."
    )


def _newest(session: Session, team_id: str, audience: str, viewer: Viewer) -> str:
    """
    Raises:
        NotFoundError: no version of this audience could be tried.
    """
    live = live_strategy(session, team_id, audience).version_name
    for version in versions.visible(session, team_id, viewer):
        if version.audience == audience and version.name != live:
            return version.name
    raise NotFoundError(
        "There is no version here to try by itself. `/apprentice models` lists all: name one of "
        "them, or train one with `/apprentice train`."
    )


def _told_in(audience: str, ask: Ask, place: Place, deps: Deps) -> str:
    """A private channel's version is spoken of there alone, and nothing where outsiders read."""
    if audience != WORKSPACE:
        return audience
    is_ours = not place.is_external and not place.is_dm
    is_member = is_ours and deps.people.bot_user_id in deps.people.members(ask.channel_id)
    return ask.channel_id if is_member else ask.user_id


def _off(ask: Ask, deps: Deps) -> Reply:
    person = admin(ask.user_id, "end a canary", deps)
    audience = deps.people.place(ask.channel_id).audience
    with deps.database.write() as session:
        ended = canaries_of.stop(session, ask.team_id, audience, person.user_id, deps.now())
        version = versions.get(session, ask.team_id, ended.version_id)
    name = version.name if version else "that version"
    return Reply(f"The canary of *{name}* is over: everybody gets what is live.")


def _standing(ask: Ask, deps: Deps) -> Reply:
    """Only the person who asks sees it, so it holds what they may see anywhere."""
    viewer = deps.people.personal_viewer(deps.people.person(ask.user_id))
    with deps.database.read() as session:
        found = canaries.visible(session, ask.team_id, viewer)
        under_way = [one for one in found if one.state is CanaryState.RUNNING]
        ended = [one for one in found if one.state is not CanaryState.RUNNING][:_ENDED_LISTED]
        lines = [running_words(session, one) for one in under_way] or [_NONE]
        lines += [_ended_words(session, one) for one in ended]
    return Reply(lines[0], tuple(map(blocks.section, lines)))


def running_words(session: Session, canary: Canary) -> str:
    """How a canary stands, for those who may know of its audience."""
    assert canary.id is not None
    name = _name(session, canary, canary.version_id)
    live = _name(session, canary, canary.live_id)
    tally = feedback.of_canary(session, canary.team_id, canary.id)
    return (
        f"🐤 *{name}* answers {canary.share} % of the conversations for "
        f"{audience_words(canary.audience)}, asked for by <@{canary.started_by}>. People liked it "
        f"in {_liked(tally.get(name, (0, 0)))} conversations, and "
        f"{f'*{live}*' if live else 'the base model'} in {_liked(tally.get(live, (0, 0)))}. I "
        f"decide by myself, on {canary.ends_at:%d %B} at the latest."
    )


def _ended_words(session: Session, canary: Canary) -> str:
    name = _name(session, canary, canary.version_id)
    reason = blocks.escape(canary.reason or "")
    return f"*{name}* for {audience_words(canary.audience)}: {_STATES[canary.state]}, {reason}"


def _name(session: Session, canary: Canary, version_id: int | None) -> str | None:
    version = versions.get(session, canary.team_id, version_id) if version_id else None
    return version.name if version else None


def _liked(tally: tuple[int, int]) -> str:
    return f"{tally[0]} of {sum(tally)}"
