"""
Which messages of a thread are the question, and which the answer. Pure.

A thread begins with a question. What the asker adds before the answer belongs to it. The answer
is the marked message with its author's messages directly around it. Between them others may have
asked back; those turns are told apart from chatter by the asker's going on after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.curation.markup import has_words
from bot.errors import (
    IsTheQuestionError,
    MessageGoneError,
    NoQuestionError,
    NotCollectedError,
    NoWordsError,
)


class Speaker(StrEnum):
    PERSON = "person"
    APP = "app"  # a bot that is not us
    OURSELVES = "ourselves"


@dataclass(frozen=True)
class ThreadMessage:
    """``text`` still has Slack's markup."""

    ts: str
    user_id: str
    speaker: Speaker
    text: str


@dataclass(frozen=True)
class Pair:
    """
    A question and its answer, in the thread's order.

    ``before`` holds the turns before the last thing asked, the asker's own among them, and is
    empty where nobody came in between.
    """

    question: tuple[ThreadMessage, ...]
    before: tuple[ThreadMessage, ...]
    answer: tuple[ThreadMessage, ...]

    @property
    def asker_id(self) -> str:
        return self.question[0].user_id

    @property
    def author_id(self) -> str:
        return self.answer[0].user_id

    @property
    def is_bot_answer(self) -> bool:
        return self.answer[0].speaker is Speaker.OURSELVES


def pair(thread: Sequence[ThreadMessage], marked_ts: str, asked_ts: str | None = None) -> Pair:
    """
    Find what the marked message answers, in a thread in any order.

    ``asked_ts`` is the question the bot was asked, where the marked message is its own answer
    and that is known.

    Raises:
        MessageGoneError: the marked message is not in the thread.
        NoWordsError: it says nothing in words.
        IsTheQuestionError: it is the thread's first message, and others answer it.
        NoQuestionError: no person asked anything before it.
        NotCollectedError: another app said it.
    """
    messages = sorted(thread, key=lambda message: _order(message.ts))
    marked = next((message for message in messages if message.ts == marked_ts), None)
    if marked is None:
        raise MessageGoneError
    if marked.speaker is Speaker.APP:
        raise NotCollectedError("other apps")
    if not has_words(marked.text):
        raise NoWordsError
    if marked is messages[0]:
        raise IsTheQuestionError if len(messages) > 1 else NoQuestionError
    said = [message for message in messages if has_words(message.text)]
    if marked.speaker is Speaker.OURSELVES:
        return _pair_own(said, marked, asked_ts)
    # A first message without words (a picture, or one that was deleted) asks nothing.
    if said[0] is not messages[0]:
        raise NoQuestionError
    return _pair_humans(said, marked)


def _pair_humans(said: list[ThreadMessage], marked: ThreadMessage) -> Pair:
    first = said[0]
    if first.speaker is not Speaker.PERSON:
        raise NoQuestionError
    start, end = _answer_run(said, said.index(marked), asker_id=first.user_id)
    asked = [message for message in said[:start] if message.user_id == first.user_id]
    before = _turns_before(said[:start], last_asked=asked[-1], asker_id=first.user_id)
    return Pair(tuple(asked), before, tuple(said[start:end]))


def _answer_run(said: list[ThreadMessage], at: int, *, asker_id: str) -> tuple[int, int]:
    """The bounds of the author's messages directly around ``said[at]``; never the first one."""
    author_id = said[at].user_id
    if author_id == asker_id:
        # Who answers their own question writes follow-ups and thanks around it as well.
        return at, at + 1
    start = end = at
    # The first message is the asker's, so this ends there at the latest.
    while said[start - 1].user_id == author_id:
        start -= 1
    while end < len(said) and said[end].user_id == author_id:
        end += 1
    return start, end


def _turns_before(
    said: list[ThreadMessage], *, last_asked: ThreadMessage, asker_id: str
) -> tuple[ThreadMessage, ...]:
    """
    The talk up to what the asker said last, if others took part in it.

    What the bot or other apps said is left out: a model is not to learn from models.
    """
    earlier = said[: said.index(last_asked)]
    turns = [message for message in earlier if message.speaker is Speaker.PERSON]
    if all(message.user_id == asker_id for message in turns):
        return ()
    return tuple(turns)


def _pair_own(said: list[ThreadMessage], marked: ThreadMessage, asked_ts: str | None) -> Pair:
    """The bot's own answer: what it was asked is the question, the talk with it comes before."""
    asked_at = _where_asked(said[: said.index(marked)], asked_ts)
    start, asker_id = asked_at, said[asked_at].user_id
    while start > 0 and said[start - 1].user_id == asker_id:
        start -= 1
    talk = [message for message in said[:start] if message.speaker is not Speaker.APP]
    return Pair(tuple(said[start : asked_at + 1]), tuple(talk), (marked,))


def _where_asked(earlier: list[ThreadMessage], asked_ts: str | None) -> int:
    for at in range(len(earlier) - 1, -1, -1):
        is_it = earlier[at].ts == asked_ts if asked_ts else earlier[at].speaker is Speaker.PERSON
        if is_it and earlier[at].speaker is Speaker.PERSON:
            return at
    raise NoQuestionError


def _order(ts: str) -> tuple[int, str]:
    seconds, _, rest = ts.partition(".")
    return int(seconds), rest
