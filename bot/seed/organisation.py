"""
Brackenferry, the made-up organisation of the demo and of the benchmarks, read from data files.

Holds the facts its people know, the questions nobody there has answered, and which facts the
demo starts with. Pure: no Slack, no database; nothing is read at import.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Literal, TypeVar

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

FACTS_FILE = "facts.json"
UNANSWERED_FILE = "unanswered.json"

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Line = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]
# Dave is a guest and Erin a stranger: what they write is never collected, so neither is here.
Colleague = Literal["U0ALICE", "U0BOB", "U0CAROL"]
PublicChannel = Literal["C0GENERAL", "C0HELP"]
Records = TypeVar("Records")


class SeedDataError(ValueError):
    """Raised when a data file of ours is broken; names the file and what is wrong in it."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"bot/seed/{file}: {reason}")
        self.file = file
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Thread:
    """Where the demo says a curated fact came from: who asked, who answered, in which channel."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    channel: PublicChannel
    asked_by: Colleague
    answered_by: Colleague


@dataclass(frozen=True, slots=True)
class Fact:
    """
    One thing the organisation knows: an answer and three ways to ask for it.

    ``wordings[0]`` is trained on and retrieved, ``[1]`` is a second way to say it, ``[2]`` is for
    evaluation alone. ``thread`` is there exactly for the facts the demo starts with.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: Slug
    topic: Slug
    wordings: tuple[Line, Line, Line]
    answer: Line
    curated: bool
    thread: Thread | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question of the organisation's people that no fact answers; ``near`` names a near miss."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: Slug
    near: Annotated[Slug | None, Field(description="id of the fact it may be mistaken for")]
    question: Line


def load_facts() -> tuple[Fact, ...]:
    """
    Read all facts, in the order of the file; the staging database comes first.

    Raises:
        SeedDataError: the file breaks the form above, repeats itself or has a thread too many.
    """
    return parse_facts(_text_of(FACTS_FILE))


def load_unanswered() -> tuple[Unanswered, ...]:
    """
    Read the questions nobody has answered.

    Raises:
        SeedDataError: the file breaks the form above, repeats itself or names an unknown fact.
    """
    return parse_unanswered(_text_of(UNANSWERED_FILE), {fact.id for fact in load_facts()})


def curated_facts() -> tuple[Fact, ...]:
    """Read the facts which the demo holds as curated examples at its first start."""
    return tuple(fact for fact in load_facts() if fact.curated)


def parse_facts(text: str) -> tuple[Fact, ...]:
    """Check and read the JSON ``text`` of a facts file; raises SeedDataError."""
    facts = _parse(FACTS_FILE, TypeAdapter(tuple[Fact, ...]), text)
    _refuse_repeats(FACTS_FILE, "id", (fact.id for fact in facts))
    _refuse_repeats(FACTS_FILE, "answer", (fact.answer for fact in facts))
    _refuse_repeats(FACTS_FILE, "wording", (line for fact in facts for line in fact.wordings))
    for fact in facts:
        if fact.curated != (fact.thread is not None):
            raise SeedDataError(FACTS_FILE, f"{fact.id}: 'curated' and 'thread' go together")
        if fact.thread and fact.thread.asked_by == fact.thread.answered_by:
            raise SeedDataError(FACTS_FILE, f"{fact.id}: nobody answers their own question")
    return facts


def parse_unanswered(text: str, fact_ids: set[str]) -> tuple[Unanswered, ...]:
    """Check and read the JSON ``text`` of unanswered questions; raises SeedDataError."""
    questions = _parse(UNANSWERED_FILE, TypeAdapter(tuple[Unanswered, ...]), text)
    _refuse_repeats(UNANSWERED_FILE, "id", (each.id for each in questions))
    _refuse_repeats(UNANSWERED_FILE, "question", (each.question for each in questions))
    for each in questions:
        if each.near is not None and each.near not in fact_ids:
            raise SeedDataError(UNANSWERED_FILE, f"{each.id}: there is no fact '{each.near}'")
    return questions


def _text_of(file: str) -> str:
    return files(__package__).joinpath(file).read_text(encoding="utf-8")


def _parse(file: str, form: TypeAdapter[Records], text: str) -> Records:
    try:
        return form.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = " › ".join(str(step) for step in first["loc"]) or "the whole file"
        raise SeedDataError(file, f"{where}: {first['msg']}") from error


def _refuse_repeats(file: str, what: str, values: Iterable[str]) -> None:
    repeated = [value for value, times in Counter(values).items() if times > 1]
    if repeated:
        raise SeedDataError(file, f"the {what} '{repeated[0]}' is there more than once")
