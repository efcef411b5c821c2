"""
The form in which an admin attests the right to train, and the run that is queued thereby.

A modal rather than a message: which sources are ticked is what is being stated, and a modal
hands over exactly that.
"""

import json
from collections import Counter
from collections.abc import Mapping
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.dataset.rights import SLACK_POLICY_NOTE, SOURCE_WORDS, STATEMENT, attest
from bot.errors import NotAllowedError
from handlers import blocks
from handlers.blocks import Block
from handlers.deps import Deps, Payload
from handlers.run_cards import put_card
from handlers.undo import done_view
from storage import runs
from storage.tables import Source

SOURCES_BLOCK, SOURCES = "sources", "attest_sources"
_NOTHING_TICKED = "Tick at least one source, or close this window: then nothing is trained."
_CONFIRM = (
    "This is stored with your name and the time. If Slack messages are ticked, you state that "
    "you may train on them although Slack's developer policy forbids it in general."
)


def register(app: App, deps: Deps) -> None:
    app.action(SOURCES)(acknowledge)
    app.action("attest")(partial(on_attest, deps=deps))


def acknowledge(ack: Ack) -> None:
    """Ticking is no statement yet; Slack wants to know that it arrived."""
    ack()


def attestation_form(
    examples: Mapping[tuple[Source, Source], int], *, trainer: str, audience: str, channel_id: str
) -> Payload:
    """
    The modal. What the audience's examples come from is ticked: that is the question.

    ``examples`` counts them by the sources of question and answer.
    """
    counts: Counter[Source] = Counter()
    for (_, answer_source), count in examples.items():
        counts[answer_source] += count
    options = [_option(source, counts[source]) for source in SOURCE_WORDS]
    ticked = [option for option in options if counts[Source(option["value"])]]
    boxes: Block = {"type": "checkboxes", "action_id": SOURCES, "options": options}
    if ticked:
        boxes["initial_options"] = ticked
    confirm = blocks.confirm("Do you state this?", _CONFIRM, "I state this", "Not yet")
    return blocks.modal(
        "attestation",
        "May I train on this?",
        [
            blocks.section(
                "Tuning puts what people wrote into a model's weights. Before that, an admin "
                "states that your organisation may do so. Which sources may be trained on?"
            ),
            blocks.actions(boxes, block_id=SOURCES_BLOCK),
            blocks.section(f"⚠️ {SLACK_POLICY_NOTE}"),
            blocks.section(f"> {STATEMENT}"),
            blocks.actions(
                blocks.button(
                    "I state this, start training", "attest", style="primary", confirm=confirm
                )
            ),
        ],
        submit=None,
        private_metadata=json.dumps(
            {"trainer": trainer, "audience": audience, "channel_id": channel_id}
        ),
    )


def on_attest(ack: Ack, body: Payload, client: WebClient, deps: Deps) -> None:
    ack()
    person = deps.people.person(body["user"]["id"])
    if not person.is_admin:
        raise NotAllowedError("admin", "attest the right to train")
    view, team_id = body["view"], body["team"]["id"]
    sources = _ticked(view)
    if not sources:
        client.views_update(view_id=view["id"], view=_with_warning(view))
        return
    run_id = _attest_and_enqueue(team_id, person.user_id, sources, view, deps)
    client.views_update(
        view_id=view["id"],
        view=done_view(f"Thank you, that is noted. Run {run_id} is queued; its card follows it."),
    )


def _attest_and_enqueue(
    team_id: str, user_id: str, sources: list[Source], view: Payload, deps: Deps
) -> int:
    """One transaction: pressed twice, the second press finds the run of the first."""
    asked = json.loads(view["private_metadata"])
    with deps.database.write() as session:
        attest(session, team_id, user_id, sources)
        run = runs.open_run_of(session, team_id, asked["audience"]) or runs.enqueue(
            session,
            team_id,
            asked["audience"],
            trainer=asked["trainer"],
            requested_by=user_id,
            channel_id=asked["channel_id"],
        )
        put_card(session, run)
    assert run.id is not None
    return run.id


def _ticked(view: Payload) -> list[Source]:
    chosen = view["state"]["values"][SOURCES_BLOCK][SOURCES]["selected_options"]
    return [Source(option["value"]) for option in chosen]


def _option(source: Source, count: int) -> Block:
    found = f"{count} example{'' if count == 1 else 's'} now"
    return blocks.option(SOURCE_WORDS[source], source.value, found)


def _with_warning(view: Payload) -> Payload:
    """The same form with a sentence on top; Slack keeps what is ticked."""
    return blocks.modal(
        view["callback_id"],
        "May I train on this?",
        [blocks.section(f"⚠️ {_NOTHING_TICKED}"), *view["blocks"]],
        submit=None,
        private_metadata=view["private_metadata"],
    )
