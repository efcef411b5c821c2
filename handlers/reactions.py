"""Reactions that mean something become inbox rows; all others are acknowledged and forgotten."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from slack_bolt import App, BoltContext
from sqlmodel import Session

from handlers.deps import Deps, Payload
from handlers.rules import KnownRules, bad_reactions, good_reactions
from storage import inbox, votes
from storage.rules import Rules
from storage.tables import InboxItem, InboxKind

GOOD, BAD, TAKEN_BACK = 1, -1, 0
#: What feedback buttons are called in a key, where a reaction has its name.
BUTTON = "button"


@dataclass(frozen=True)
class VoteEvent:
    """
    One person's ✅ or ❌ on a message, or the same taken back, as an inbox row carries it.

    ``value`` is GOOD or BAD, whatever the emoji is called; ``order_key`` is Slack's time of it.
    ``about`` is the example meant, where the message quotes several.
    ``row`` is the inbox row's id and revision, where it was read from one.
    """

    channel_id: str
    message_ts: str
    user_id: str
    value: int
    added: bool
    cast_with: str  # the reaction's name, or BUTTON
    order_key: str
    item_user: str | None = None
    about: int | None = None
    row: tuple[int, int] | None = None

    @property
    def key(self) -> str:
        return f"{self.channel_id}:{self.message_ts}:{self.user_id}:{self.cast_with}"

    @property
    def by_button(self) -> bool:
        return self.cast_with == BUTTON

    @classmethod
    def of(cls, item: InboxItem) -> "VoteEvent":
        known: dict[str, Any] = {name: item.payload[name] for name in _NAMES}
        known["cast_with"] = BUTTON if item.payload["via"] == BUTTON else item.payload["reaction"]
        known |= {name: item.payload.get(name) for name in ("item_user", "about")}
        return cls(**known, order_key=item.order_key, row=(item.id or 0, item.revision))


_NAMES = ("channel_id", "message_ts", "user_id", "value", "added")


def receive_vote(session: Session, team_id: str, vote: VoteEvent) -> bool:
    """Keep a vote for the worker; returns whether it is news. Feedback buttons come here too."""
    payload: Payload = {name: getattr(vote, name) for name in _NAMES}
    payload["via"] = BUTTON if vote.by_button else "reaction"
    payload["reaction"] = None if vote.by_button else vote.cast_with
    if vote.item_user:
        payload["item_user"] = vote.item_user
    if vote.about is not None:
        payload["about"] = vote.about
    return inbox.receive(session, team_id, InboxKind.REACTION, vote.key, payload, vote.order_key)


def on_reaction(event: Payload, context: BoltContext, deps: Deps, known: KnownRules) -> None:
    if context.team_id is None or event["item"]["type"] != "message":
        return
    rules = known.at(context.team_id, event["item"]["channel"])
    vote = vote_event(event, deps, rules) or _old_vote(event, context.team_id, deps)
    if vote is None:
        return
    with deps.database.write(urgent=True) as session:
        receive_vote(session, context.team_id, vote)


def vote_event(event: Payload, deps: Deps, rules: Rules) -> VoteEvent | None:
    """Translate ``reaction_added`` or ``reaction_removed``; None for what means nothing to us."""
    name = _name(event)
    if event["item"]["type"] != "message":
        return None
    if name in good_reactions(rules, deps):
        return _vote(event, name, GOOD)
    return _vote(event, name, BAD) if name in bad_reactions(rules, deps) else None


def _old_vote(event: Payload, team_id: str, deps: Deps) -> VoteEvent | None:
    """What was a vote when it was put on can be taken back though it means nothing any more."""
    if event["type"] == "reaction_added":
        return None
    vote = _vote(event, _name(event), TAKEN_BACK)
    with deps.database.read() as session:
        known = votes.find(session, team_id, vote.key)
    return replace(vote, value=known.value) if known and known.value else None


def _vote(event: Payload, name: str, value: int) -> VoteEvent:
    return VoteEvent(
        channel_id=event["item"]["channel"],
        message_ts=event["item"]["ts"],
        user_id=event["user"],
        value=value,
        added=event["type"] == "reaction_added",
        cast_with=name,
        order_key=event["event_ts"],
        item_user=event.get("item_user"),
    )


def _name(event: Payload) -> str:
    """Skin tones are part of a reaction's name: "+1::skin-tone-3" is still a "+1"."""
    return str(event["reaction"]).partition("::")[0]


def register(app: App, deps: Deps) -> None:
    known = KnownRules(deps.database)
    app.event("reaction_added")(partial(on_reaction, deps=deps, known=known))
    app.event("reaction_removed")(partial(on_reaction, deps=deps, known=known))
