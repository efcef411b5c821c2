"""What follows a 👎 or ❌: a reason, and the way to the form for a right answer."""

from functools import partial

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.curation.lesson import Coordinates
from handlers import capture_blocks
from handlers.capture_blocks import REASON, REASONS, RIGHT_ANSWER
from handlers.deps import Deps, Payload
from handlers.draft import Draft
from handlers.example_form import form
from handlers.shortcuts import new_draft
from storage import audit, examples, votes
from storage.tables import Example, Source

_NOT_YOURS = "Only the person who marked this as wrong can say why."
_GONE = "That mark was taken back, so it needs no reason any more."
_WRONG = (
    "*The answer that was wrong.* What you write takes its place; I keep it beside yours, to "
    "learn the difference."
)


def register(app: App, deps: Deps) -> None:
    app.action(REASON)(partial(on_reason, deps=deps))
    app.action(RIGHT_ANSWER)(partial(on_right_answer, deps=deps))


def on_reason(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    text = _note_reason(
        body["team"]["id"],
        body["user"]["id"],
        action["block_id"].partition("|")[2],
        action["selected_option"]["value"],
        deps,
    )
    ack()
    respond(text=text, response_type="ephemeral", replace_original=False)


def on_right_answer(
    ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps
) -> None:
    """
    Raises:
        NotFoundError: the example is not there any more, or not for this person.
    """
    team_id, person = body["team"]["id"], deps.people.person(body["user"]["id"])
    viewer = deps.people.personal_viewer(person)
    with deps.database.read() as session:
        example = examples.get(session, team_id, viewer, int(action["value"]))
    draft = correction_draft(example, body["container"]["channel_id"])
    beside = capture_blocks.quoted_answer(_WRONG, example.answer)
    view = form(draft, question=example.question, tags=example.tags, beside=[beside])
    client.views_open(trigger_id=body["trigger_id"], view=view)
    ack()


def correction_draft(example: Example, channel_id: str | None) -> Draft:
    """A form that puts another answer in the place of an example's; confirmed in the channel."""
    draft = new_draft(
        None, question=example.question_source, answer=Source.AUTHORED, at=_coordinates(example)
    )
    return draft.of(example, channel_id=channel_id, is_correction=True)


def _note_reason(team_id: str, user_id: str, key: str, reason: str, deps: Deps) -> str:
    with deps.database.write() as session:
        vote = votes.find(session, team_id, key)
        if vote is not None and vote.user_id != user_id:
            return _NOT_YOURS
        if vote is None or vote.value >= 0 or reason not in REASONS:
            return _GONE
        vote.reason = reason
        session.add(vote)
        example = votes.example_of(session, vote)
        audit.record(
            session, team_id, actor=user_id, action="vote.reason",
            subject=f"example:{example.id}", audience=example.audience,
            details={"reason": reason},
        )  # fmt: skip
    return f"Thank you, noted: {REASONS[reason].lower()}."


def _coordinates(example: Example) -> Coordinates | None:
    if example.channel_id is None or example.answer_ts is None or example.thread_ts is None:
        return None
    return Coordinates(
        channel_id=example.channel_id,
        thread_ts=example.thread_ts,
        answer_ts=example.answer_ts,
        question_ts=example.question_ts,
        asker_id=example.asker_id,
        author_id=example.author_id,
        permalink=example.permalink,
    )
