"""
From a message in Slack to what can be learned from it: reads the thread, asks who is who.

Only reads, from Slack and from storage. What may be kept is decided in ``bot.curation``; who
counts as one of us, in ``handlers.people``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.curation.lesson import Coordinates, Lesson, lesson_from, redacted
from bot.curation.message_text import text_of
from bot.curation.thread import Pair, Speaker, ThreadMessage, pair
from bot.errors import (
    MayNotTeachError,
    MessageGoneError,
    NoQuestionError,
    NotCollectedError,
    NotInChannelError,
    OptedOutError,
    StillAnsweringError,
)
from handlers.deps import Deps, Payload
from handlers.people import Person, Place
from handlers.retry import code_of
from handlers.thread import GONE
from storage import opt_outs, questions
from storage.tables import QuestionState

_PAGE = 200
#: Longer threads are read up to here: 5,000 messages.
_MAX_PAGES = 25
#: Messages that people or apps write; what Slack writes on its own says nothing.
_WRITTEN = frozenset({None, "thread_broadcast", "file_share", "me_message", "bot_message"})
_NOT_INVITED = frozenset({"not_in_channel", "channel_not_found"})
_APP_MARKS = ("bot_id", "bot_profile")
OUTSIDERS = "people who are not full members of this workspace"


@dataclass(frozen=True)
class Thread:
    """A thread around one marked message, the marked one included."""

    channel_id: str
    marked: ThreadMessage
    root_ts: str
    messages: tuple[ThreadMessage, ...]

    @property
    def reply_ts(self) -> str | None:
        """Where to answer: in the thread, if it is one."""
        return self.root_ts if len(self.messages) > 1 else None


def check_may_teach(person: Person, place: Place) -> None:
    """
    Raises:
        MayNotTeachError: the person is from outside.
        NotCollectedError: nothing said in this place is ever kept.
    """
    if place.is_dm:
        raise NotCollectedError("direct messages")
    if place.is_external:
        raise NotCollectedError("channels that are shared with other organisations")
    if person.is_external or person.is_bot:
        raise MayNotTeachError


def read_thread(client: WebClient, channel_id: str, message_ts: str, bot_user_id: str) -> Thread:
    """
    Read the thread a message is in; a message outside of threads is one of its own.

    Raises:
        MessageGoneError: it was deleted.
        NotInChannelError: the bot was not invited to the channel.
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    found = list(_replies(client, channel_id, message_ts))
    marked = next((message for message in found if message["ts"] == message_ts), None)
    if marked is None or marked.get("subtype") == "tombstone":
        raise MessageGoneError
    root_ts = marked.get("thread_ts") or message_ts
    # Asked about a reply, Slack gives that reply alone, and in it the ts of its thread.
    if found[0]["ts"] != root_ts:
        found = list(_replies(client, channel_id, root_ts))
    messages = tuple(_message(message, bot_user_id) for message in found)
    here = next((message for message in messages if message.ts == message_ts), None)
    if here is None:
        raise MessageGoneError
    return Thread(channel_id, here, root_ts, messages)


def read_lesson(
    thread: Thread,
    place: Place,
    team_id: str,
    deps: Deps,
    *,
    whole: bool = False,
) -> Lesson:
    """
    Find the question that the marked message answers, and write both down.

    ``whole`` is for forms, where a person shortens what is too long to be kept.

    Raises:
        CaptureError: there is nothing to learn, or it is nothing we may keep.
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    found = pair(thread.messages, thread.marked.ts, _asked_ts(thread, team_id, deps))
    silent = _opted_out(thread, team_id, deps)
    if silent & {found.asker_id, found.author_id}:
        raise OptedOutError
    for user_id in (found.asker_id, found.author_id):
        if user_id != deps.people.bot_user_id and _is_outsider(user_id, deps):
            raise NotCollectedError(OUTSIDERS)
    at = _coordinates(thread, found)
    talkers = {message.user_id for message in found.before} - {deps.people.bot_user_id}
    lesson = lesson_from(
        found,
        replace(at, permalink=deps.people.permalink(at.channel_id, at.answer_ts, at.thread_ts)),
        bot_user_id=deps.people.bot_user_id,
        unwanted=silent | {user_id for user_id in talkers if _is_outsider(user_id, deps)},
        whole=whole,
    )
    return redacted(lesson, deps.redactor)


def _opted_out(thread: Thread, team_id: str, deps: Deps) -> frozenset[str]:
    talkers = {message.user_id for message in thread.messages}
    with deps.database.read() as session:
        return opt_outs.opted_out(session, team_id, talkers)


def _coordinates(thread: Thread, found: Pair) -> Coordinates:
    return Coordinates(
        channel_id=thread.channel_id,
        thread_ts=thread.root_ts,
        question_ts=found.question[0].ts,
        answer_ts=found.answer[0].ts,
        asker_id=found.asker_id,
        author_id=found.author_id,
    )


def _asked_ts(thread: Thread, team_id: str, deps: Deps) -> str | None:
    """The message that the marked one, if it is the bot's answer, was asked by."""
    if thread.marked.speaker is not Speaker.OURSELVES:
        return None
    with deps.database.read() as session:
        question = questions.find_by_answer(session, team_id, thread.channel_id, thread.marked.ts)
    if question is None or question.state in (QuestionState.DECLINED, QuestionState.FAILED):
        raise NoQuestionError
    if question.state is not QuestionState.ANSWERED:
        raise StillAnsweringError
    return question.message_ts


def _is_outsider(user_id: str, deps: Deps) -> bool:
    person = deps.people.person(user_id)
    return person.is_external or person.is_bot


def _replies(client: WebClient, channel_id: str, ts: str) -> Iterator[Payload]:
    try:
        pages = client.conversations_replies(channel=channel_id, ts=ts, limit=_PAGE)
        for number, page in enumerate(pages, start=1):
            yield from page["messages"]
            if number == _MAX_PAGES:
                return
    except SlackApiError as error:
        if code_of(error) in _NOT_INVITED:
            raise NotInChannelError from error
        if code_of(error) not in GONE:
            raise


def _message(message: Payload, bot_user_id: str) -> ThreadMessage:
    is_written = message.get("subtype") in _WRITTEN
    user_id = message.get("user") or message.get("bot_id") or ""
    return ThreadMessage(
        ts=message["ts"],
        user_id=user_id,
        speaker=_speaker(message, user_id, bot_user_id),
        text=text_of(message) if is_written else "",
    )


def _speaker(message: Payload, user_id: str, bot_user_id: str) -> Speaker:
    if user_id == bot_user_id:
        return Speaker.OURSELVES
    is_app = any(message.get(mark) for mark in _APP_MARKS) or "user" not in message
    return Speaker.APP if is_app else Speaker.PERSON
