"""The buttons below an answer: a vote by button is a reaction like any other."""

import re
from functools import partial

from slack_bolt import Ack, App

from handlers.answer_blocks import THIS_ANSWERS
from handlers.deps import Deps, Payload
from handlers.reactions import BAD, BUTTON, GOOD, VoteEvent, receive_vote

VALUES = {"good": GOOD, "bad": BAD}


def register(app: App, deps: Deps) -> None:
    ours = re.compile(rf"\A(?:{'|'.join(VALUES)}|{THIS_ANSWERS}_\d)\Z")
    app.action(ours)(partial(handle_feedback, deps=deps))


def handle_feedback(ack: Ack, action: Payload, body: Payload, deps: Deps) -> None:
    """The worker that counts the vote also tells the person what came of it."""
    note_feedback(action, body, deps)
    ack()


def note_feedback(action: Payload, body: Payload, deps: Deps) -> None:
    """Leave the vote for the worker that also works on reactions; the newest click counts."""
    container = body["container"]
    vote = VoteEvent(
        channel_id=container["channel_id"],
        message_ts=container["message_ts"],
        user_id=body["user"]["id"],
        value=VALUES.get(action["action_id"], GOOD),
        added=True,
        cast_with=BUTTON,
        order_key=action["action_ts"],
        item_user=deps.people.bot_user_id,
        about=_about(action),
    )
    with deps.database.write(urgent=True) as session:
        receive_vote(session, body["team"]["id"], vote)


def _about(action: Payload) -> int | None:
    """The example that a button below a quotation stands for."""
    if not action["action_id"].startswith(THIS_ANSWERS):
        return None
    example_id = str(action.get("value", "")).partition("|")[2]
    return int(example_id) if example_id.isdecimal() else None
