"""
What is kept of a thread: question, answer and the turns before, as plain text. Pure.

Refuses text that is longer than a form can show, so that whatever is kept can be corrected there.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.curation.markup import Names, clean, has_words, visible
from bot.curation.spans import Kind
from bot.curation.thread import Pair, Speaker, ThreadMessage
from bot.errors import NoWordsError, TooLongError
from storage.tables import Part, Source

if TYPE_CHECKING:  # the detectors take a while to load, the command line must not
    from bot.curation.redaction import Redactor

#: What a text field of Slack's forms holds, in characters.
MAX_CHARACTERS = 3000
#: Turns before the question that are kept; older ones rarely matter and cost training time.
MAX_TURNS = 6

Turn = dict[str, str]


@dataclass(frozen=True)
class Coordinates:
    """
    Where a lesson stands in Slack; ``answer_ts`` is the first message of the answer.

    ``messages`` are all that went into it, each as (ts, who wrote it, its ``Part``): none of them
    may be deleted, and nobody may opt out, without the lesson's following.
    """

    channel_id: str
    thread_ts: str
    answer_ts: str
    question_ts: str | None
    asker_id: str | None
    author_id: str | None
    permalink: str | None = None
    messages: tuple[tuple[str, str, str], ...] = ()

    def all_messages(self) -> list[tuple[str, str | None, str]]:
        """The messages, or as many of them as are known where nobody listed them."""
        if self.messages:
            return [(ts, user_id, part) for ts, user_id, part in self.messages]
        answer = (self.answer_ts, self.author_id, Part.ANSWER.value)
        if self.question_ts is None:
            return [answer]
        return [(self.question_ts, self.asker_id, Part.QUESTION.value), answer]


@dataclass(frozen=True)
class Lesson:
    """
    A question and its answer as they are kept; ``at`` is None for what was typed freely.

    ``is_edited``: a person went over the text in a form. ``original`` is the answer they had
    before them there, ``based_on`` the revision, where the example was known already.
    ``is_correction``: they wrote another answer in its place. ``tags`` None leaves them alone.
    ``replaced`` is what was redacted.
    """

    question: str
    answer: str
    question_source: Source
    answer_source: Source
    context: tuple[Turn, ...] = ()
    at: Coordinates | None = None
    is_edited: bool = False
    original: str | None = None
    based_on: int | None = None
    is_correction: bool = False
    tags: tuple[str, ...] | None = None
    example_id: int | None = None
    replaced: tuple[Kind, ...] = ()


def lesson_from(
    pair: Pair,
    at: Coordinates,
    *,
    bot_user_id: str,
    unwanted: Collection[str] = (),
    whole: bool = False,
) -> Lesson:
    """
    Write down what a pair of question and answer says, with nobody's name in it.

    ``unwanted`` are people whose turns are left out of the context. ``whole``: however long it is.

    Raises:
        TooLongError: question or answer exceeds ``MAX_CHARACTERS``.
    """
    names = Names(bot_user_id)
    talkers = {pair.asker_id, pair.author_id}
    question = _text(pair.question, names, talkers)
    answer = _text(pair.answer, names, talkers)
    if not whole:
        fitting("question", question)
        fitting("answer", answer)
    before = [message for message in pair.before if message.user_id not in unwanted]
    return Lesson(
        question=question,
        answer=answer,
        question_source=Source.SLACK_MESSAGE,
        answer_source=Source.BOT_ANSWER if pair.is_bot_answer else Source.SLACK_MESSAGE,
        context=_turns(before, pair, names),
        at=replace(at, messages=_messages(before, pair)),
    )


def redacted(lesson: Lesson, redactor: "Redactor") -> Lesson:
    """The lesson without secrets and personal data; ``replaced`` says what was taken out."""
    question, answer = redactor.redact(lesson.question), redactor.redact(lesson.answer)
    turns = [(turn, redactor.redact(turn["content"])) for turn in lesson.context]
    found = [question, answer, *(text for _, text in turns)]
    return replace(
        lesson,
        question=question.text,
        answer=answer.text,
        context=tuple({**turn, "content": text.text} for turn, text in turns),
        original=None if lesson.original is None else redactor.text(lesson.original),
        tags=None if lesson.tags is None else tuple(map(redactor.text, lesson.tags)),
        replaced=tuple(finding.kind for text in found for finding in text.findings),
    )


def typed(part: str, text: str) -> str:
    """
    Check a text from a form and return it without what nobody can see.

    Raises:
        NoWordsError, TooLongError: it cannot be kept as ``part``.
    """
    text = visible(text).strip()
    if not has_words(text):
        raise NoWordsError
    return fitting(part, text)


def fitting(part: str, text: str) -> str:
    """
    Raises:
        TooLongError: the text exceeds ``MAX_CHARACTERS``.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLongError(part, len(text), MAX_CHARACTERS)
    return text


def _text(messages: Iterable[ThreadMessage], names: Names, addressed: Collection[str]) -> str:
    return "\n".join(clean(message.text, names, addressed) for message in messages)


def _messages(before: Iterable[ThreadMessage], pair: Pair) -> tuple[tuple[str, str, str], ...]:
    parts = ((Part.CONTEXT, before), (Part.QUESTION, pair.question), (Part.ANSWER, pair.answer))
    by_ts = {
        message.ts: (message.ts, message.user_id, part.value)
        for part, messages in parts
        for message in messages
    }
    return tuple(by_ts.values())


def _turns(before: Iterable[ThreadMessage], pair: Pair, names: Names) -> tuple[Turn, ...]:
    """Turns that alternate, from a user's to an assistant's, as chat templates demand."""
    turns: list[Turn] = []
    for message in before:
        role, text = _role(message, pair), clean(message.text, names, {pair.asker_id})
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n{text}"
        else:
            turns.append({"role": role, "content": text})
    return tuple(_newest(turns))


def _newest(turns: list[Turn]) -> list[Turn]:
    if turns and turns[-1]["role"] == "user":
        turns = turns[:-1]
    turns = turns[-MAX_TURNS:]
    while turns and (turns[0]["role"] != "user" or _length(turns) > MAX_CHARACTERS):
        turns = turns[1:]
    return turns


def _length(turns: Iterable[Turn]) -> int:
    return sum(len(turn["content"]) for turn in turns)


def _role(message: ThreadMessage, pair: Pair) -> str:
    if pair.is_bot_answer:
        return "assistant" if message.speaker is Speaker.OURSELVES else "user"
    return "user" if message.user_id == pair.asker_id else "assistant"
