"""
Questions and answers from the threads of a Slack export, as capture would have kept them.

A reply that somebody else marked with ✅ is approved; of threads without a mark the first answer
is proposed. People and places whose words are never kept are left out here too, and nobody's name
is in the text.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.curation.lesson import Coordinates, Lesson, lesson_from
from bot.curation.markup import has_words
from bot.curation.message_text import text_of
from bot.curation.thread import Pair, Speaker, ThreadMessage, pair
from bot.dataset.errors import FileRefusedError
from bot.dataset.formats.slack_archive import Archive, Channel, Kind
from bot.dataset.formats.slack_threads import Message, threads
from bot.dataset.record import Record, Row
from bot.errors import CaptureError
from storage.audience import WORKSPACE
from storage.tables import ExampleState, Part, Source

_OUTSIDE = ("is_restricted", "is_ultra_restricted", "is_stranger")


@dataclass
class Counts:
    """What a channel gave, for the preview."""

    threads: int = 0
    approved: int = 0
    proposed: int = 0
    disputed: int = 0
    left_out: int = 0


@dataclass
class SlackExport:
    """
    ``good`` and ``bad`` are the names of the reactions; ``unwanted`` are people who want nothing
    of theirs kept. ``counts`` fill while the rows are read.
    """

    archive: Archive
    good: str
    bad: str
    unwanted: Collection[str] = ()
    counts: dict[str, Counts] = field(default_factory=dict)

    def choose(self, names: Iterable[str]) -> list[Channel]:
        """
        The channels of these names or ids.

        Raises:
            FileRefusedError: one is not there, or is never collected.
        """
        known = {name: each for each in self.archive.channels for name in (each.id, each.name)}
        chosen = []
        for name in names:
            channel = known.get(name.removeprefix("#"))
            if channel is None:
                there = ", ".join(sorted(each.name for each in self.archive.channels)[:50])
                raise FileRefusedError(f"There is no channel {name} in it. There are: {there}.")
            if channel.kind in (Kind.DIRECT, Kind.SHARED):
                raise FileRefusedError(
                    f"{name} is {channel.kind}, and nothing is ever kept from there. Leave it out."
                )
            chosen.append(channel)
        return chosen

    def rows(self, channels: Iterable[Channel]) -> Iterator[Row]:
        """The pairs of these channels; a row's number counts them."""
        number = 0
        for channel in channels:
            counts = self.counts.setdefault(channel.name, Counts())
            for thread in threads(self.archive, channel):
                counts.threads += 1
                for record in self._records(channel, thread, counts):
                    number += 1
                    yield Row(number, record)

    def _records(self, channel: Channel, thread: list[Message], counts: Counts) -> Iterator[Record]:
        said = [self._message(message) for message in thread]
        marked = [m for m in thread[1:] if self._voters(m, self.good)]
        first = next((m for m in thread[1:] if self._may_answer(m, thread[0])), None)
        for message in marked or ([first] if first else []):
            try:
                found = pair(said, message["ts"])
                if self._is_outside(found.asker_id) or self._is_outside(found.author_id):
                    counts.left_out += 1
                    continue
                lesson = self._lesson(channel, thread, found)
            except CaptureError:
                counts.left_out += 1
                continue
            state = self._state(message)
            setattr(counts, state.value, getattr(counts, state.value) + 1)
            yield _record(channel, lesson, state, found)

    def _lesson(self, channel: Channel, thread: list[Message], found: Pair) -> Lesson:
        at = Coordinates(
            channel_id=channel.id,
            thread_ts=thread[0]["ts"],
            answer_ts=found.answer[0].ts,
            question_ts=found.question[0].ts,
            asker_id=found.asker_id,
            author_id=found.author_id,
        )
        outside = [m.user_id for m in found.before if self._is_outside(m.user_id)]
        return lesson_from(found, at, bot_user_id="", unwanted=outside)

    def _message(self, message: Message) -> ThreadMessage:
        user_id = str(message.get("user") or "")
        person = self.archive.people.get(user_id, {})
        is_app = bool(message.get("bot_id") or message.get("subtype") or person.get("is_bot"))
        # Files and broadcasts of one's own reply are said by a person all the same.
        if message.get("subtype") in ("file_share", "thread_broadcast", "me_message"):
            is_app = bool(message.get("bot_id"))
        speaker = Speaker.APP if is_app else Speaker.PERSON
        return ThreadMessage(message["ts"], user_id, speaker, text_of(message))

    def _may_answer(self, message: Message, asked: Message) -> bool:
        said = self._message(message)
        return (
            said.speaker is Speaker.PERSON
            and said.user_id != asked.get("user")
            and has_words(said.text)
            and not self._voters(message, self.bad)
        )

    def _is_outside(self, user_id: str) -> bool:
        """Guests, strangers and whoever the export does not know; who has left is no outsider."""
        person = self.archive.people.get(user_id)
        if person is None or user_id in self.unwanted:
            return True
        return any(person.get(flag) for flag in _OUTSIDE)

    def _voters(self, message: Message, reaction: str) -> list[str]:
        """Members who reacted so to somebody else's message."""
        voters: list[str] = []
        for found in _each(message.get("reactions")):
            if isinstance(found, dict) and str(found.get("name")).split("::")[0] == reaction:
                voters += [str(user) for user in _each(found.get("users"))]
        own = message.get("user")
        return [user for user in voters if user != own and not self._is_outside(user)]

    def _state(self, message: Message) -> ExampleState:
        if not self._voters(message, self.good):
            return ExampleState.PROPOSED
        is_doubted = self._voters(message, self.bad)
        return ExampleState.DISPUTED if is_doubted else ExampleState.APPROVED


def _each(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _record(channel: Channel, lesson: Lesson, state: ExampleState, found: Pair) -> Record:
    assert lesson.at is not None
    place = {key: value for key, value in vars(lesson.at).items() if value}
    return Record(
        question=lesson.question,
        answer=lesson.answer,
        context=lesson.context,
        audience=channel.id if channel.kind is Kind.PRIVATE else WORKSPACE,
        state=state,
        question_source=Source.SLACK_MESSAGE,
        answer_source=Source.SLACK_MESSAGE,
        place=place,
        messages=tuple(
            (message.ts, message.user_id, part)
            for part, messages in (
                (Part.QUESTION, found.question),
                (Part.ANSWER, found.answer),
                (Part.CONTEXT, found.before),
            )
            for message in messages
        ),
    )
