"""``/apprentice settings``: a form for admins, a list for everybody else."""

from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import MayNotTeachError, NotAllowedError
from handlers import blocks
from handlers.deps import Ask, Deps, Payload, Reply
from handlers.people import Place
from handlers.settings_form import (
    FORM,
    SCOPE,
    WORKSPACE_SCOPE,
    Usual,
    difference,
    form,
    listing,
    read,
)
from storage import rules
from storage.audience import WORKSPACE
from storage.rules import Rules, rules_for

_NO_MEMBER = "Only full members of this workspace can be curators, and {who} is none."
_FOR_ADMINS = "Workspace admins can change this."


def register(app: App, deps: Deps) -> None:
    app.action(SCOPE)(partial(on_scope, deps=deps))
    app.view(FORM)(partial(on_save, deps=deps))


def show_settings(ask: Ask, deps: Deps, client: WebClient) -> Reply | None:
    """
    Raises:
        MayNotTeachError: the person is from outside.
    """
    person, place = deps.people.person(ask.user_id), deps.people.place(ask.channel_id)
    if person.is_external:
        raise MayNotTeachError
    channel_id = _channel_of(place)
    if not person.is_admin:
        with deps.database.read() as session:
            here = rules_for(session, ask.team_id, channel_id)
        words = listing(here, _usual(deps), _place_words(channel_id))
        return Reply(words, (blocks.section(words), blocks.context(_FOR_ADMINS)))
    view = _form(ask.team_id, WORKSPACE_SCOPE, channel_id, deps)
    client.views_open(trigger_id=ask.trigger_id, view=view)
    return None


def on_scope(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    """Show the settings of the other scope; what was typed for this one is left."""
    ack()
    _, _, channel_id = body["view"]["private_metadata"].partition("|")
    view = _form(body["team"]["id"], action["selected_option"]["value"], channel_id, deps)
    client.views_update(view_id=body["view"]["id"], view=view)


def on_save(ack: Ack, body: Payload, view: Payload, deps: Deps) -> None:
    person = deps.people.person(body["user"]["id"])
    if not person.is_admin:
        raise NotAllowedError("admin", "change settings")
    scope, _, _ = view["private_metadata"].partition("|")
    given, problems = read(_fields(view))
    problems |= _outsiders(given, scope, deps)
    if problems:
        ack(response_action="errors", errors=problems)
        return
    channel_id = None if scope == WORKSPACE_SCOPE else scope
    now = _save(body["team"]["id"], channel_id, given, person.user_id, deps)
    words = listing(now, _usual(deps), _place_words(channel_id))
    done = blocks.modal(
        "done", "Saved", [blocks.section(words), blocks.context(_FROM_NOW_ON)],
        submit=None, close="Close",
    )  # fmt: skip
    ack(response_action="update", view=done)


_FROM_NOW_ON = "This holds from now on; an example follows it with the next vote on it."


def _save(team_id: str, channel_id: str | None, given: Rules, by: str, deps: Deps) -> Rules:
    """Store what differs from what is inherited; returns the rules that hold now."""
    audience = deps.people.place(channel_id).audience if channel_id else WORKSPACE
    usual = _usual(deps)
    with deps.database.write() as session:
        above = rules_for(session, team_id) if channel_id else Rules()
        values = difference(given, usual.fill(above))
        rules.set_values(session, team_id, channel_id, values, by, audience)
        return rules_for(session, team_id, channel_id)


def _form(team_id: str, scope: str, channel_id: str | None, deps: Deps) -> Payload:
    with deps.database.read() as session:
        held = rules_for(session, team_id, None if scope == WORKSPACE_SCOPE else scope)
    return form(_usual(deps).fill(held), scope, channel_id or None)


def _usual(deps: Deps) -> Usual:
    return Usual(deps.people.curators, (deps.good_reaction,), (deps.bad_reaction,))


def _fields(view: Payload) -> dict[str, dict[str, Payload]]:
    """What is filled in, without the choice of scope."""
    return {
        block_id: elements
        for block_id, elements in view["state"]["values"].items()
        if SCOPE not in elements
    }


def _outsiders(given: Rules, scope: str, deps: Deps) -> dict[str, str]:
    for user_id in sorted(given.curators or ()):
        person = deps.people.person(user_id)
        if person.is_external or person.is_bot:
            return {f"curators:{scope}": _NO_MEMBER.format(who=person.name)}
    return {}


def _channel_of(place: Place) -> str | None:
    """Direct messages and shared channels teach nothing, so they have no settings."""
    return None if place.is_dm or place.is_external else place.channel_id


def _place_words(channel_id: str | None) -> str:
    return f"<#{channel_id}>" if channel_id else "this workspace"
