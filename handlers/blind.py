"""
"Which answer is better?" as a modal: two answers, nobody knows whose, one question at a time.
"""

import json
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.answering.blind import BlindPair, Choice
from bot.errors import NotFoundError
from handlers import blocks
from handlers.blocks import Block
from handlers.deps import Deps, Payload
from handlers.run_cards import put_card
from storage import runs

BLIND, VOTE = "blind", "blind_vote"
_TITLE = "Which answer is better?"
_CHOICE = "choice"
_CHOICES = {
    Choice.FIRST: "Answer A is better",
    Choice.SECOND: "Answer B is better",
    Choice.SAME: "Neither is better",
}
_LONGEST = 2500


def register(app: App, deps: Deps) -> None:
    app.action(BLIND)(partial(on_blind, deps=deps))
    app.view(VOTE)(partial(on_vote, deps=deps))


def on_blind(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    """
    Raises:
        NotFoundError: there is no such run for this person.
    """
    view = _next_view(int(action["value"]), body, deps)
    client.views_open(trigger_id=body["trigger_id"], view=view)
    ack()


def on_vote(ack: Ack, body: Payload, view: Payload, deps: Deps) -> None:
    """Keep the choice and show the next pair in the same window."""
    told = json.loads(view["private_metadata"])
    chosen = view["state"]["values"][_CHOICE][_CHOICE]["selected_option"]["value"]
    user_id, team_id = body["user"]["id"], body["team"]["id"]
    viewer = deps.people.personal_viewer(deps.people.person(user_id))
    try:
        with deps.database.write(urgent=True) as session:
            deps.cast_blind(
                session, team_id, told["run"], user_id, viewer, told["row"], Choice(chosen)
            )
            if run := runs.get(session, team_id, told["run"]):
                put_card(session, run)
        shown = _next_view(told["run"], body, deps)
    except NotFoundError as error:
        shown = _closing(str(error))
    ack(response_action="update", view=shown)


def _next_view(run_id: int, body: Payload, deps: Deps) -> Block:
    user_id = body["user"]["id"]
    viewer = deps.people.personal_viewer(deps.people.person(user_id))
    with deps.database.read() as session:
        pair = deps.next_pair(session, body["team"]["id"], run_id, user_id, viewer)
    if pair is None:
        return _closing("That was all: nothing is left for you to compare. Thank you.")
    return pair_view(pair)


def pair_view(pair: BlindPair) -> Block:
    """One question, both answers, and no word of who gave them."""
    parts = [
        blocks.section(f"*Question*\n{_quoted(pair.question)}"),
        blocks.context(f"What the team taught: {blocks.escape(blocks.cut(pair.curated, 600))}"),
        blocks.divider(),
        blocks.section(f"*Answer A*\n{_quoted(pair.first)}"),
        blocks.section(f"*Answer B*\n{_quoted(pair.second)}"),
        blocks.divider(),
        blocks.radio_buttons(
            "Which one would help you more?",
            _CHOICE,
            [blocks.option(words, choice) for choice, words in _CHOICES.items()],
        ),
        blocks.context(f"{pair.done} done, {pair.left} left. Stop whenever you like."),
    ]
    told = json.dumps({"run": pair.run_id, "row": pair.row_id})
    return blocks.modal(VOTE, _TITLE, parts, submit="Next", close="Stop", private_metadata=told)


def _quoted(text: str) -> str:
    return "\n".join(f">{line}" for line in blocks.escape(blocks.cut(text, _LONGEST)).split("\n"))


def _closing(words: str) -> Block:
    return blocks.modal(VOTE, _TITLE, [blocks.section(words)], submit=None, close="Close")
