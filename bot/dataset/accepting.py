"""
What a record has to be before it is kept: the same that a form and a message have to be.

Text is redacted here, so that nothing behind this step ever holds the raw words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.curation.lesson import MAX_CHARACTERS
from bot.curation.markup import has_words, visible
from bot.curation.tags import parse_tags
from bot.dataset.record import Phrase, Record, RowError
from bot.errors import TagsError
from storage.audience import WORKSPACE
from storage.tables import ExampleState, Source

#: All turns before the question together, in characters.
MAX_CONTEXT = 4 * MAX_CHARACTERS
MAX_WORDINGS = 200
#: A longer text is refused before it is searched for secrets, which takes time with each character.
MAX_RAW = 20 * MAX_CHARACTERS
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,20}\Z")

#: Returns the text without secrets and personal data, and the kinds of what was replaced.
Redact = Callable[[str], tuple[str, Iterable[str]]]


@dataclass(frozen=True)
class Rules:
    """``audience`` is empty where the file decides, and otherwise the workspace gets it."""

    redact: Redact
    audience: str = ""
    propose: bool = False


@dataclass
class Changes:
    """What was changed of the text, counted: replaced secrets by kind, rows made visible."""

    redacted: Counter[str] = field(default_factory=Counter)
    cleaned: int = 0


def is_audience(name: str) -> bool:
    return name == WORKSPACE or _CHANNEL.match(name) is not None


def accept(record: Record, rules: Rules, changes: Changes) -> Record:
    """
    Return the record as it is kept.

    Raises:
        RowError: it cannot be kept, and why.
    """
    pen = _Pen(rules.redact, changes)
    accepted = replace(
        record,
        question=pen.text("question", record.question),
        answer=pen.text("answer", record.answer),
        context=tuple(pen.turns(record.context)),
        wordings=tuple(pen.wordings(record.wordings)),
        rejected=tuple(pen.wrong_answers(record.rejected)),
        tags=_tags(record.tags),
        history=tuple(pen.revision(each) for each in record.history),
        audience=_audience(record, rules.audience),
        state=_state(record, propose=rules.propose),
        question_source=record.question_source or Source.IMPORT,
        answer_source=record.answer_source or Source.IMPORT,
    )
    changes.cleaned += pen.has_cleaned
    return accepted


class _Pen:
    """Writes texts down as they are kept, and remembers what it changed."""

    def __init__(self, redact: Redact, changes: Changes) -> None:
        self._redact, self._changes = redact, changes
        self.has_cleaned = False

    def text(self, part: str, raw: str) -> str:
        text = self._plain(raw)
        if not has_words(text):
            what = "no words, only signs" if text else "nothing in it"
            raise RowError(f"the {part} has {what}. Give it words, or leave this row out.")
        if len(text) > MAX_CHARACTERS:
            raise RowError(
                f"the {part} has {len(text):,} characters, {MAX_CHARACTERS:,} can be kept. "
                "Shorten it, or make two rows of it."
            )
        return text

    def wrong_answers(self, answers: Sequence[str]) -> Iterable[str]:
        """The first is kept as what stood in Slack: of any length, and of signs alone too."""
        for place, each in enumerate(answers):
            text = self._plain(each)
            if place or len(text) > MAX_CONTEXT:
                yield self.text("wrong answer", each)
            elif text:
                yield text

    def turns(self, turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [turn | {"content": self._plain(turn["content"])} for turn in turns]
        if (length := sum(len(turn["content"]) for turn in kept)) > MAX_CONTEXT:
            raise RowError(
                f"the turns before its question have {length:,} characters, {MAX_CONTEXT:,} can "
                "be kept. Leave out the oldest."
            )
        return kept

    def wordings(self, wordings: Iterable[Phrase]) -> list[Phrase]:
        kept: dict[str, Phrase] = {}
        for each in wordings:
            text = self.text("other wording", each.text)
            kept.setdefault(text, replace(each, text=text))
        if len(kept) > MAX_WORDINGS:
            raise RowError(f"it has {len(kept)} wordings, {MAX_WORDINGS} can be kept.")
        return list(kept.values())

    def revision(self, found: Any) -> dict[str, Any]:
        texts = {key: self._plain(found[key]) for key in ("question", "answer") if key in found}
        turns = {"context": self.turns(found["context"])} if "context" in found else {}
        return {**found, **texts, **turns}

    def _plain(self, raw: str) -> str:
        if len(raw) > MAX_RAW:
            raise RowError(
                f"a text in it has {len(raw):,} characters. Shorten it, or make several rows of it."
            )
        seen = visible(raw)
        self.has_cleaned = self.has_cleaned or len(seen) < len(raw.replace("\r\n", "\n"))
        text, kinds = self._redact(seen.strip())
        self._changes.redacted.update(kinds)
        return text


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    """As the form takes them, so that it can show and save them again."""
    try:
        return parse_tags(",".join(tags))
    except TagsError as error:
        raise RowError(str(error)) from None


def _audience(record: Record, asked: str) -> str:
    own = record.audience or asked or WORKSPACE
    if not is_audience(own):
        raise RowError(f"its audience {own!r} is neither `workspace` nor a channel's id.")
    if not asked or own in (asked, WORKSPACE):
        return asked or own
    raise RowError(
        f"it belongs to the private channel {own}, and an import does not show it to others. "
        f"Import it with --audience {own}, or leave this row out."
    )


def _state(record: Record, *, propose: bool) -> ExampleState:
    state = record.state or ExampleState.APPROVED
    return ExampleState.PROPOSED if propose and state is ExampleState.APPROVED else state
