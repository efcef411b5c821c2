"""``/apprentice pin <version> | prompting | off``: what answers in the channel it is typed in."""

from slack_sdk import WebClient
from sqlmodel import Session

from bot.answering import pins as pins_of
from bot.errors import NotAllowedError, WrongPlaceToPinError
from handlers.deps import Ask, Deps, Reply
from handlers.people import Place
from handlers.rules import is_curator, rules_at
from storage import pins, versions
from storage.audience import Viewer
from storage.tables import Pin

PROMPTING, OFF = "prompting", "off"
_USAGE = (
    "`/apprentice pin workspace-v2` lets that version answer here whatever is live, "
    "`/apprentice pin prompting` the base model with examples, `/apprentice pin off` what is live."
)


def pin(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, WrongPlaceToPinError, NotFoundError, NotEarnedError: why not.
    """
    person, place = deps.people.person(ask.user_id), deps.people.place(ask.channel_id)
    if place.is_dm or place.is_external:
        raise WrongPlaceToPinError
    word = ask.words.strip().lower()
    if not word:
        return Reply(f"{_here(ask, deps)} {_USAGE}")
    if not is_curator(person, rules_at(deps, ask.team_id, ask.channel_id)):
        raise NotAllowedError("curator", "pin a channel")
    viewer = deps.people.viewer(person, place)
    with deps.database.write() as session:
        return Reply(_change(session, ask, place, word, viewer, deps))


def pin_words(session: Session, pin: Pin) -> str:
    """What a channel is pinned to, for those who may know of its audience."""
    return f"<#{pin.channel_id}> is pinned to {_target(session, pin)} by <@{pin.pinned_by}>"


def stays_pinned(ask: Ask, deps: Deps) -> str:
    """What somebody must know who changed what is live, and typed that in a pinned channel."""
    with deps.database.read() as session:
        found = pins.find(session, ask.team_id, ask.channel_id)
        if found is None:
            return ""
        target = _target(session, found)
    return f" This channel stays pinned to {target}; `/apprentice pin off` ends that."


def _change(session: Session, ask: Ask, place: Place, word: str, viewer: Viewer, deps: Deps) -> str:
    if word == OFF:
        pins_of.unpin(session, ask.team_id, ask.channel_id, ask.user_id)
        return "What is live answers here again."
    if word == PROMPTING:
        pins_of.pin_prompting(session, ask.team_id, ask.channel_id, place.audience, ask.user_id)
        return "The base model with your examples answers here from now on, whatever is live."
    version = pins_of.pin_version(
        session, ask.team_id, ask.channel_id, place.audience, word, ask.user_id, viewer, deps.home
    )
    return f"*{version.name}* answers here from now on, whatever is live elsewhere."


def _here(ask: Ask, deps: Deps) -> str:
    with deps.database.read() as session:
        found = pins.find(session, ask.team_id, ask.channel_id)
        if found is None:
            return "This channel is not pinned: what is live answers here."
        return f"This channel is pinned to {_target(session, found)}."


def _target(session: Session, pin: Pin) -> str:
    version = versions.get(session, pin.team_id, pin.version_id) if pin.version_id else None
    return f"*{version.name}*" if version else "prompting"
