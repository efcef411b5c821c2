"""The small forms of the review queue: other words, another wording, another audience."""

import re
from dataclasses import replace
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.curation import review as verbs
from bot.curation.lesson import MAX_CHARACTERS
from bot.curation.markup import has_words
from bot.errors import AlreadyDecidedError, BotError, CaptureError, EditedMeanwhileError
from handlers import blocks, capture_blocks
from handlers.deps import Deps, Payload
from handlers.example_form import form
from handlers.review_blocks import Done, Look
from handlers.review_words import done_words
from handlers.reviewers import Place, reviewer, show
from handlers.shortcuts import new_draft
from storage import examples, unanswered
from storage.audience import WORKSPACE
from storage.tables import Example, Source, UnansweredState

EDIT, WORDING, AUDIENCE = "review_edit_form", "review_wording_form", "review_audience_form"
_WHY_TWO = (
    "It belongs to a private channel, so a second member of that channel has to agree before "
    "anybody else may hear it."
)
_THEIRS = "*Somebody else changed this while you had it open.* It says now:"
_SAVE_AGAIN = "Below is what you wrote. Saving it again replaces theirs; theirs stays on record."


def register(app: App, deps: Deps) -> None:
    app.action("review_edit")(partial(on_edit, deps=deps))
    app.action("review_answer")(partial(on_answer, deps=deps))
    app.action("review_more")(partial(on_more, deps=deps))
    for callback_id in (EDIT, WORDING, AUDIENCE):
        app.view(re.compile(f"^{callback_id}$"))(partial(on_submit, deps=deps))


def on_edit(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    ack()
    _open("edit", action["value"], body, client, deps)


def on_answer(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    """Open the form of ``/apprentice add`` with a question nobody has answered in it."""
    ack()
    question_id, _, look = action["value"].split("|", 2)
    place = Place.of(body, Look.load(look))
    by = reviewer(place.team_id, place.user_id, deps)
    with deps.database.read() as session:
        question = unanswered.get(session, place.team_id, by.viewer, int(question_id))
    if question.state is not UnansweredState.OPEN:
        show(place, Done(str(AlreadyDecidedError())), client, deps)
        return
    draft = replace(
        new_draft(question=Source.SLACK_MESSAGE), audience=question.audience, answers=question.id
    )
    client.views_open(trigger_id=body["trigger_id"], view=form(draft, question=question.text))


def on_more(ack: Ack, body: Payload, action: Payload, client: WebClient, deps: Deps) -> None:
    ack()
    what, _, value = action["selected_option"]["value"].partition("|")
    _open(what, value, body, client, deps)


def _open(what: str, value: str, body: Payload, client: WebClient, deps: Deps) -> None:
    example_id, seen, look = value.split("|", 2)
    place = Place.of(body, Look.load(look))
    by = reviewer(place.team_id, place.user_id, deps)
    with deps.database.read() as session:
        example = examples.get(session, place.team_id, by.viewer, int(example_id))
    metadata = place.dump(example=example.id, seen=int(seen))
    if what == "edit":
        metadata = place.dump(example=example.id, seen=example.revision)
        view = edit_form(example.question, example.answer, metadata)
    elif what == "wording":
        view = wording_form(example, metadata)
    else:
        names = {c: deps.people.place(c).name for c in by.viewer.audiences - {WORKSPACE}}
        view = audience_form(example, names, metadata)
    client.views_open(trigger_id=body["trigger_id"], view=view)


def on_submit(ack: Ack, body: Payload, view: Payload, client: WebClient, deps: Deps) -> None:
    place, known = Place.load(view["private_metadata"])
    values = {name: deps.redactor.text(text) for name, text in _values(view).items()}
    by = reviewer(place.team_id, body["user"]["id"], deps)
    example_id = known["example"]
    try:
        with deps.database.write() as session:
            team_id = place.team_id
            if view["callback_id"] == EDIT:
                action = verbs.edit(
                    session, team_id, by, example_id, values["question"], values["answer"],
                    known["seen"],
                )  # fmt: skip
            elif view["callback_id"] == WORDING:
                action = verbs.add_wording(session, team_id, by, example_id, values["wording"])
            else:
                action = verbs.change_audience(session, team_id, by, example_id, values["audience"])
            example = session.get_one(Example, example_id)
            done = Done(done_words(action, example), action.id)
    except EditedMeanwhileError:
        ack(response_action="update", view=_both_versions(place, example_id, values, by, deps))
        return
    except CaptureError as problem:
        ack(response_action="errors", errors={_wanting(values): str(problem)})
        return
    except BotError as refusal:
        ack(response_action="update", view=_refusal(str(refusal)))
        return
    ack()
    show(place, done, client, deps)


def edit_form(
    question: str, answer: str, metadata: str, before: tuple[Payload, ...] = ()
) -> Payload:
    shown = [
        *before,
        blocks.plain_input(
            "Question", "question", initial=question, multiline=True, max_length=MAX_CHARACTERS
        ),
        blocks.plain_input(
            "Answer", "answer", initial=answer, multiline=True, max_length=MAX_CHARACTERS
        ),
    ]
    return blocks.modal(EDIT, "Edit an example", shown, private_metadata=metadata)


def wording_form(example: Example, metadata: str) -> Payload:
    shown = [
        *capture_blocks.question_and_answer(example.question, example.answer),
        blocks.plain_input(
            "How else would somebody ask this?",
            "wording",
            multiline=True,
            max_length=MAX_CHARACTERS,
            hint="I test models with it, so that they understand more than one way to ask.",
        ),
    ]
    return blocks.modal(WORDING, "Another way to say it", shown, private_metadata=metadata)


def audience_form(example: Example, names: dict[str, str], metadata: str) -> Payload:
    """``names`` are those of the private channels the reviewer is in, by id."""
    choices = [blocks.option("Everybody in the workspace", WORKSPACE)]
    choices += [blocks.option(f"Only members of #{names[c]}", c) for c in sorted(names)]
    now = next((choice for choice in choices if choice["value"] == example.audience), None)
    shown = [
        *capture_blocks.question_and_answer(example.question, example.answer),
        blocks.select("Who may hear it?", "audience", choices, initial=now),
        *([] if example.audience == WORKSPACE else [blocks.context(_WHY_TWO)]),
    ]
    return blocks.modal(AUDIENCE, "Who may hear it?", shown, private_metadata=metadata)


def _values(view: Payload) -> dict[str, str]:
    """What was typed or chosen, by field; an empty field has no value at all."""
    values: dict[str, str] = {}
    for fields in view["state"]["values"].values():
        for name, element in fields.items():
            chosen = element.get("selected_option") or {}
            values[name] = element.get("value") or chosen.get("value") or ""
    return values


def _wanting(values: dict[str, str]) -> str:
    """The field without words; Slack's own limit keeps all of them short enough."""
    return next((name for name, text in values.items() if not has_words(text)), next(iter(values)))


def _refusal(text: str) -> Payload:
    shown = [blocks.section(text)]
    return blocks.modal("message", "Review", shown, submit=None, close="Close")


def _both_versions(
    place: Place, example_id: int, values: dict[str, str], by: verbs.Reviewer, deps: Deps
) -> Payload:
    """The form again, with what somebody else wrote meanwhile above what this person typed."""
    with deps.database.read() as session:
        example = examples.get(session, place.team_id, by.viewer, example_id)
    theirs = (
        blocks.section(_THEIRS),
        *capture_blocks.question_and_answer(example.question, example.answer),
        blocks.context(_SAVE_AGAIN),
    )
    metadata = place.dump(example=example.id, seen=example.revision)
    return edit_form(values["question"], values["answer"], metadata, theirs)
