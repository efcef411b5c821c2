"""The form for a question and its answer: its views, and what happens when it is sent."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient
from sqlmodel import Session

from bot.curation.capture import Ballot, Outcome, collect_example
from bot.curation.lesson import MAX_CHARACTERS, Lesson, redacted, typed
from bot.curation.tags import parse_tags
from bot.curation.unanswered import mark_answered
from bot.errors import CaptureError, EditedMeanwhileError, NotFoundError, TagsError
from handlers import blocks, capture_blocks
from handlers.deps import Deps, Payload
from handlers.draft import Draft
from handlers.example_form import (
    FORM,
    PREVIEW,
    conflict,
    form,
    message_view,
    preview,
    with_preview,
)
from handlers.first_capture import tell_author
from handlers.people import Person
from handlers.reactions import BAD, GOOD
from handlers.rules import is_curator
from handlers.undo import done_view
from storage import feedback, outbox, questions, revisions, unanswered
from storage.audience import WORKSPACE, Viewer
from storage.rules import rules_for
from storage.tables import Example, OutboxKind

__all__ = ["FORM", "Draft", "form", "message_view", "on_submit", "register"]

NOT_A_MEMBER = "You are not in that channel any more, so nothing was saved for it."
_KEPT_AS_IT_WAS = "This message was taught in other words before; a curator can change those."
_NOTHING_YET = "Write question and answer first."


def register(app: App, deps: Deps) -> None:
    app.view(FORM)(partial(on_submit, deps=deps))
    app.action(PREVIEW)(partial(on_preview, deps=deps))


def on_preview(ack: Ack, body: Payload, client: WebClient, deps: Deps) -> None:
    """Show below the fields what would be trained on, and what is replaced before."""
    ack()
    view = body["view"]
    draft, values = Draft.load(view["private_metadata"]), _values(view)
    lesson, problems = _read(draft, values, view)
    if lesson is None:
        shown = [blocks.context(" ".join([_NOTHING_YET, *problems.values()]))]
    else:
        lesson = redacted(lesson, deps.redactor)
        said = capture_blocks.replaced_sentence(lesson)
        shown = preview(lesson.question, lesson.answer, lesson.context, said)
    client.views_update(view_id=view["id"], view=with_preview(view, shown))


def on_submit(ack: Ack, body: Payload, view: Payload, deps: Deps) -> None:
    draft, values = Draft.load(view["private_metadata"]), _values(view)
    lesson, problems = _read(draft, values, view)
    if lesson is None:
        ack(response_action="errors", errors=problems)
        return
    person = deps.people.person(body["user"]["id"])
    audience = draft.audience or values["audience"]
    if audience not in deps.people.personal_viewer(person).audiences:
        ack(response_action="update", view=message_view(NOT_A_MEMBER))
        return
    lesson = redacted(lesson, deps.redactor)
    try:
        text, shown = _save(body["team"]["id"], draft, audience, lesson, person, deps)
    except EditedMeanwhileError as error:
        ack(response_action="update", view=_compare(error, person, draft, values, deps))
        return
    except CaptureError as error:
        ack(response_action="update", view=message_view(str(error)))
        return
    if draft.channel_id is None and shown:
        ack(response_action="update", view={**done_view(text), "blocks": shown})
    else:
        ack()


def _save(
    team_id: str, draft: Draft, audience: str, lesson: Lesson, person: Person, deps: Deps
) -> tuple[str, list[Payload]]:
    """Keep the lesson; returns what to show, nothing where the form was sent before."""
    with deps.database.write() as session:
        private = None if audience == WORKSPACE else audience
        rules = rules_for(session, team_id, lesson.at.channel_id if lesson.at else private)
        ballot = Ballot(
            f"form:{draft.form_id}", person.user_id, GOOD, is_curator(person, rules),
            draft.opened_at,
        )  # fmt: skip
        outcome = collect_example(session, team_id, audience, lesson, ballot)
        if outcome is None:
            return "", []
        undo = f"{ballot.order_key}|{ballot.key}"
        text, shown = capture_blocks.confirmation(outcome, GOOD, undo, lesson)
        if outcome.example.answer != lesson.answer:
            text = f"{text} {_KEPT_AS_IT_WAS}"
            shown = [*shown, blocks.context(_KEPT_AS_IT_WAS)]
        _answer(session, team_id, draft, audience, outcome)
        _note_correction(session, team_id, lesson, ballot, outcome.example)
        _confirm(session, team_id, draft, ballot, outcome, text, shown)
        tell_author(session, team_id, outcome, person, deps)
    return text, shown


def _answer(session: Session, team_id: str, draft: Draft, audience: str, outcome: Outcome) -> None:
    """Take the question the form was opened for off the list, unless it is gone by now."""
    if draft.answers is None:
        return
    with suppress(NotFoundError):
        question = unanswered.get(session, team_id, Viewer(frozenset({audience})), draft.answers)
        mark_answered(session, question, outcome.example)


def _note_correction(
    session: Session, team_id: str, lesson: Lesson, ballot: Ballot, example: Example
) -> None:
    """
    Whoever keeps another answer in the place of ours says that ours was wrong, and answers the
    question.
    """
    ours = example.original_answer or lesson.original or example.answer
    if lesson.at is None or ours.strip() == lesson.answer.strip():
        return
    at = lesson.at
    question = questions.find_by_answer(session, team_id, at.channel_id, at.answer_ts)
    if question is not None:
        feedback.note(
            session, question,
            key=ballot.key, user_id=ballot.user_id, value=BAD, order_key=ballot.order_key,
        )  # fmt: skip
        if asked_in_vain := unanswered.of_question(session, question):
            mark_answered(session, asked_in_vain, example)


def _confirm(
    session: Session,
    team_id: str,
    draft: Draft,
    ballot: Ballot,
    outcome: Outcome,
    text: str,
    shown: list[Payload],
) -> None:
    if draft.channel_id is None:
        return
    outbox.put(
        session,
        team_id,
        ballot.key,
        channel_id=draft.channel_id,
        thread_ts=outcome.example.thread_ts,
        kind=OutboxKind.EPHEMERAL,
        user_id=ballot.user_id,
        text=text,
        blocks=shown,
    )


def _compare(
    error: EditedMeanwhileError,
    person: Person,
    draft: Draft,
    values: Mapping[str, str],
    deps: Deps,
) -> Payload:
    """Both versions; the next time the form is sent it is based on the other one."""
    assert error.example_id is not None  # raised by a change of a kept example
    viewer = deps.people.personal_viewer(person)
    with deps.database.read() as session:
        team_id = deps.people.team_id
        known = revisions.of_example(session, team_id, viewer, error.example_id)
    if not known:
        return message_view(NOT_A_MEMBER)
    based = replace(draft, example_id=error.example_id, based_on=known[-1].number)
    return conflict(based, known[-1], values)


def _read(
    draft: Draft, values: Mapping[str, str], view: Payload
) -> tuple[Lesson | None, dict[str, str]]:
    """The lesson that was typed, or what is wrong with each field."""
    texts: dict[str, str] = {}
    problems: dict[str, str] = {}
    for field in ("question", "answer"):
        try:
            texts[field] = typed(field, values[field])
        except CaptureError as error:
            problems[field] = _field_problem(error, field, values[field])
    try:
        tags = parse_tags(values.get("tags", ""))
    except TagsError as error:
        problems["tags"] = str(error)
    if problems:
        return None, problems
    lesson = Lesson(
        question=texts["question"],
        answer=texts["answer"],
        question_source=draft.question_source,
        answer_source=draft.answer_source,
        context=draft.context,
        at=draft.at,
        is_edited=True,
        # What a known example said is in its row.
        original=None if draft.example_id else _prefilled(view, "answer"),
        based_on=draft.based_on,
        example_id=draft.example_id,
        is_correction=draft.is_correction,
        tags=tags,
    )
    return lesson, {}


def _prefilled(view: Payload, field: str) -> str | None:
    """What stood in a field when the form was opened."""
    elements = [b["element"] for b in view["blocks"] if b.get("block_id") == field]
    return elements[0].get("initial_value") if elements else None


def _field_problem(error: CaptureError, field: str, text: str) -> str:
    """The advice of ``error`` is for messages; here the field to mend is in sight."""
    if len(text) > MAX_CHARACTERS:
        return f"This is {len(text):,} characters long; {MAX_CHARACTERS:,} are possible."
    return f"Please write the {field} in words."


def _values(view: Payload) -> dict[str, str]:
    """What was typed or chosen, by field; an empty field has no value at all."""
    values: dict[str, str] = {}
    for fields in view["state"]["values"].values():
        for name, element in fields.items():
            chosen = element.get("selected_option") or {}
            values[name] = element.get("value") or chosen.get("value") or ""
    return values
