"""``/apprentice add``: the empty form."""

from dataclasses import replace

from slack_sdk import WebClient

from bot.errors import MayNotTeachError
from handlers.deps import Ask, Deps, Reply
from handlers.people import Place
from handlers.shortcuts import new_draft
from handlers.views import Draft, form
from storage.audience import WORKSPACE


def add(ask: Ask, deps: Deps, client: WebClient) -> Reply | None:
    """
    Raises:
        MayNotTeachError: the person is from outside.
    """
    if deps.people.person(ask.user_id).is_external:
        raise MayNotTeachError
    draft = _draft(deps.people.place(ask.channel_id), deps)
    client.views_open(trigger_id=ask.trigger_id, view=form(draft))
    return None


def _draft(place: Place, deps: Deps) -> Draft:
    """A private channel gives a choice of audience; the form confirms where the bot cannot."""
    is_ours = not place.is_dm and not place.is_external
    if not is_ours or deps.people.bot_user_id not in deps.people.members(place.channel_id):
        return new_draft()
    draft = new_draft(place)
    return draft if place.audience == WORKSPACE else replace(draft, audience=None)
