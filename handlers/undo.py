"""The Undo button of a confirmation: takes back the one vote it was shown for."""

from functools import partial

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.curation.capture import undo_vote
from handlers import blocks, capture_blocks
from handlers.deps import Deps, Payload
from storage import feedback, votes
from storage.database import Database

ALREADY = "This was undone already."
NOT_YOURS = "Only the person whose vote it was can undo it."
#: The bot cannot take somebody else's reaction off a message.
_REACTION_STAYS = "Your reaction is still on the message; take it off, or put it on anew."


def register(app: App, deps: Deps) -> None:
    app.action("undo")(partial(on_undo, deps=deps))


def on_undo(
    ack: Ack, body: Payload, action: Payload, respond: Respond, client: WebClient, deps: Deps
) -> None:
    user_id = body["user"]["id"]
    text = undo(deps.database, body["team"]["id"], user_id, action["value"])
    ack()
    if text == NOT_YOURS:
        respond(text=text, response_type="ephemeral", replace_original=False)
    elif "view" in body:
        client.views_update(view_id=body["view"]["id"], view=done_view(text))
    else:
        respond(text=text, blocks=[blocks.section(text)], replace_original=True)


def undo(database: Database, team_id: str, user_id: str, value: str) -> str:
    """Take back the vote that ``value`` names and say what became of the example."""
    order_key, _, key = value.partition("|")
    with database.write() as session:
        vote = votes.find(session, team_id, key)
        if vote is None:
            return ALREADY
        if vote.user_id != user_id:
            return NOT_YOURS
        outcome = undo_vote(session, team_id, key, order_key)
        feedback.undo(session, team_id, key, order_key)
    if outcome is None:
        return ALREADY
    hint = f" {_REACTION_STAYS}" if is_reaction(key) else ""
    return capture_blocks.taken_back(outcome) + hint


def is_reaction(key: str) -> bool:
    """Forms and buttons leave nothing behind on a message."""
    return not key.startswith("form:") and not key.endswith(":button")


def done_view(text: str) -> Payload:
    return blocks.modal("done", "Apprentice", [blocks.section(text)], submit=None, close="Close")
