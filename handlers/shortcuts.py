"""
Three ways to the form: the global shortcut, the message shortcut, the button of App Home.

A trigger lives three seconds and reading a thread may take longer, so the message shortcut opens
a small modal at once and fills it afterwards.
"""

import time
import uuid
from dataclasses import replace
from functools import partial
from urllib.error import URLError

from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.curation.lesson import Coordinates, Lesson
from bot.curation.markup import Names, clean
from bot.errors import (
    CaptureError,
    IsTheQuestionError,
    MayNotTeachError,
    NoQuestionError,
    NotCollectedError,
)
from handlers import capture_blocks
from handlers.capture_thread import (
    OUTSIDERS,
    Thread,
    check_may_teach,
    read_lesson,
    read_thread,
)
from handlers.deps import Deps, Payload
from handlers.draft import Draft
from handlers.example_form import form, message_view
from handlers.people import Person, Place
from storage import examples
from storage.audience import WORKSPACE
from storage.tables import Example, ExampleState, Source

READING = "Reading the thread…"
_SLACK_IS_SILENT = "Slack did not answer just now. Please close this and try again in a minute."
_KNOWN = "I know this message already. Save other words to change what I keep of it."
_NO_QUESTION = "I could not find the question this answers, so please write it."
_NO_ANSWER = "This is the question of the thread. Please write its answer."


def register(app: App, deps: Deps) -> None:
    app.shortcut("add_example")(partial(on_add, deps=deps))
    app.action("add_example")(partial(on_add, deps=deps))
    app.shortcut("teach_answer")(ack=on_teach, lazy=[partial(fill_form, deps=deps)])


def on_add(ack: Ack, body: Payload, client: WebClient, deps: Deps) -> None:
    if deps.people.person(body["user"]["id"]).is_external:
        view = message_view(str(MayNotTeachError()))
    else:
        view = form(new_draft())
    client.views_open(trigger_id=body["trigger_id"], view=view)
    ack()


def on_teach(ack: Ack, shortcut: Payload, client: WebClient) -> None:
    view = {**message_view(READING), "external_id": _external_id(shortcut)}
    client.views_open(trigger_id=shortcut["trigger_id"], view=view)
    ack()


def fill_form(shortcut: Payload, client: WebClient, deps: Deps) -> None:
    """Replace the waiting modal by the form, or by the reason why there is none."""
    try:
        view = teach_view(shortcut, client, deps)
    except CaptureError as refusal:
        view = message_view(str(refusal))
    except (SlackApiError, SlackClientError, URLError, OSError):
        view = message_view(_SLACK_IS_SILENT)
    client.views_update(external_id=_external_id(shortcut), view=view)


def teach_view(shortcut: Payload, client: WebClient, deps: Deps) -> Payload:
    """
    Return the form for a message, filled in as far as its thread allows.

    Raises:
        CaptureError: nothing of this message may be kept.
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    channel_id = shortcut["channel"]["id"]
    person, place = deps.people.person(shortcut["user"]["id"]), deps.people.place(channel_id)
    check_may_teach(person, place)
    thread = read_thread(client, channel_id, shortcut["message_ts"], deps.people.bot_user_id)
    try:
        lesson = read_lesson(thread, place, shortcut["team"]["id"], deps, whole=True)
    except (NoQuestionError, IsTheQuestionError) as gap:
        return _half_filled(gap, thread, place, deps)
    known = _known(lesson, shortcut["team"]["id"], person, deps)
    draft = new_draft(
        place, question=lesson.question_source, answer=lesson.answer_source, at=lesson.at
    )
    if known is not None:
        return edit_form(draft, known)
    # Whoever marks the message while the form is open keeps it as its first revision.
    note = capture_blocks.replaced_sentence(lesson)
    draft = replace(draft, context=lesson.context, based_on=1)
    return form(draft, question=lesson.question, answer=lesson.answer, note=note)


def edit_form(draft: Draft, example: Example, note: str = _KNOWN) -> Payload:
    """The form for an example that is kept already, as it is now."""
    # What replaces a wrong answer is a new one: votes on the old say nothing about it.
    draft = draft.of(example, is_correction=example.state is ExampleState.REJECTED)
    return form(
        draft, question=example.question, answer=example.answer, tags=example.tags, note=note
    )


def _known(lesson: Lesson, team_id: str, person: Person, deps: Deps) -> Example | None:
    """The example this message was kept as, if the person may see it."""
    assert lesson.at is not None  # it comes from a thread
    viewer = deps.people.personal_viewer(person)
    with deps.database.read() as session:
        return examples.at(session, team_id, viewer, lesson.at.channel_id, lesson.at.answer_ts)


def new_draft(
    place: Place | None = None,
    *,
    question: Source = Source.AUTHORED,
    answer: Source = Source.AUTHORED,
    at: Coordinates | None = None,
) -> Draft:
    """``place`` is where the confirmation goes; without one the form itself confirms."""
    return Draft(
        form_id=uuid.uuid4().hex,
        opened_at=f"{time.time():.6f}",
        channel_id=place.channel_id if place else None,
        audience=place.audience if place else WORKSPACE,
        question_source=question,
        answer_source=answer,
        at=at,
    )


def _half_filled(gap: CaptureError, thread: Thread, place: Place, deps: Deps) -> Payload:
    """The marked message alone, as the question or as the answer of a form."""
    marked = thread.marked
    person = deps.people.person(marked.user_id)
    if person.is_external or (person.is_bot and marked.user_id != deps.people.bot_user_id):
        raise NotCollectedError(OUTSIDERS)
    text = deps.redactor.text(clean(marked.text, Names(deps.people.bot_user_id)))
    if isinstance(gap, IsTheQuestionError):
        return form(new_draft(place, question=Source.SLACK_MESSAGE), question=text, note=_NO_ANSWER)
    at = Coordinates(
        channel_id=thread.channel_id,
        thread_ts=thread.root_ts,
        answer_ts=marked.ts,
        question_ts=None,
        asker_id=None,
        author_id=marked.user_id,
    )
    return form(
        new_draft(place, answer=Source.SLACK_MESSAGE, at=at), answer=text, note=_NO_QUESTION
    )


def _external_id(shortcut: Payload) -> str:
    return f"teach:{shortcut['trigger_id']}"
