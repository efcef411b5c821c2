"""The review queue: ``/apprentice review``, its buttons, and their undo. Decides nothing."""

import re
from collections.abc import Callable
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient
from sqlmodel import Session

from bot.curation import review as verbs
from bot.curation import undoing
from bot.curation.review import Reviewer
from bot.errors import BotError
from handlers import review_forms
from handlers.deps import Ask, Deps, Payload, Reply
from handlers.review_blocks import Done, Look, queue_blocks, summary
from handlers.review_sight import look_at
from handlers.review_words import done_words
from handlers.reviewers import Place, reviewer, show
from storage.tables import Example, ReviewAction

Decide = Callable[[Session, str, Reviewer, int, int], ReviewAction]

#: What each button decides, by the two numbers in its value: the subject, and what is chosen of
#: a pair or was in sight of an example.
DECISIONS: dict[str, Decide] = {
    "review_approve": verbs.approve,
    "review_reject": verbs.reject,
    "review_confirm": verbs.confirm,
    "review_take_edit": verbs.take_edit,
    "review_merge:first": verbs.merge,
    "review_merge:second": verbs.merge,
    "review_settle:first": verbs.settle,
    "review_settle:second": verbs.settle,
    "review_apart": lambda session, team, by, pair, _: verbs.keep_apart(session, team, by, pair),
    "review_agree": lambda session, team, by, asked, _: verbs.agree(session, team, by, asked),
    "review_refuse": lambda session, team, by, asked, _: verbs.refuse(session, team, by, asked),
    "review_dismiss": lambda session, team, by, what, _: verbs.dismiss(session, team, by, what),
}


def register(app: App, deps: Deps) -> None:
    for action_id in DECISIONS:
        app.action(action_id)(partial(on_decide, deps=deps))
    app.action(re.compile(r"^review_(show|page):"))(partial(on_show, deps=deps))
    # Confirmations of votes have a button of the same name; ``handlers.undo`` takes the others.
    app.action("undo", matchers=[is_about_a_decision])(partial(on_undo, deps=deps))
    review_forms.register(app, deps)


def is_about_a_decision(action: Payload) -> bool:
    return bool(action["value"].startswith("review|"))


def review(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Answer ``/apprentice review``.

    Raises:
        NotAllowedError: the person is no curator.
    """
    by = reviewer(ask.team_id, ask.user_id, deps)
    with deps.database.read() as session:
        sight = look_at(session, ask.team_id, ask.user_id, by.viewer, Look())
    return Reply(summary(sight.counts), tuple(queue_blocks(sight)))


def on_show(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    ack()
    show(Place.of(body, Look.load(action["value"])), None, client, deps)


def on_decide(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    ack()
    subject, chosen, look = action["value"].split("|", 2)
    place = Place.of(body, Look.load(look))
    by = reviewer(place.team_id, place.user_id, deps)
    verb = DECISIONS[action["action_id"]]
    show(place, _try(place, by, verb, int(subject), int(chosen), deps), client, deps)


def on_undo(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    """Take a decision back."""
    ack()
    _, action_id, look = action["value"].split("|", 2)
    place = Place.of(body, Look.load(look))
    by = reviewer(place.team_id, place.user_id, deps)
    done = _try(place, by, _undo, int(action_id), 0, deps)
    show(place, Done(done.text), client, deps)


def _undo(session: Session, team_id: str, by: Reviewer, action_id: int, _: int) -> ReviewAction:
    return undoing.undo(session, team_id, by, action_id)


def _try(place: Place, by: Reviewer, verb: Decide, subject: int, chosen: int, deps: Deps) -> Done:
    """Decide, or say why not."""
    try:
        with deps.database.write() as session:
            action = verb(session, place.team_id, by, subject, chosen)
            example = session.get(Example, action.example_id) if action.example_id else None
            return Done(done_words(action, example), action.id)
    except BotError as refusal:
        return Done(str(refusal))
