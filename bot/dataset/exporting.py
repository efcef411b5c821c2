"""
The data set of one audience as a file that other programs read.

A file appears under its name only once it is whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlmodel import Session

from bot.dataset.formats import csv_table, dpo, jsonl, metadata, openai_chat, prompt_completion
from bot.dataset.record import Phrase, Record
from bot.dataset.whole_file import target
from storage import exchange
from storage.audience import WORKSPACE, Viewer
from storage.tables import Example, ExampleState, Revision

APPROVED = (ExampleState.APPROVED,)


def records(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    states: Iterable[ExampleState] = APPROVED,
) -> Iterator[Record]:
    """What ``viewer`` may see of an audience's data set, oldest first."""
    for whole in exchange.everything(session, team_id, audience, viewer, tuple(states)):
        yield record_of(whole)


def record_of(whole: exchange.Whole) -> Record:
    example = whole.example
    place = {name: getattr(example, name) for name in metadata.PLACE}
    return Record(
        question=example.question,
        answer=example.answer,
        context=tuple(example.context),
        wordings=tuple(
            Phrase(each.text, each.use, each.asker_id, each.channel_id, each.message_ts)
            for each in whole.wordings
        ),
        id=example.id,
        audience=example.audience,
        state=example.state,
        question_source=example.question_source,
        answer_source=example.answer_source,
        tags=tuple(example.tags),
        rejected=(example.original_answer,) if example.original_answer else (),
        history=tuple(_revision(example, each) for each in whole.revisions),
        place={name: value for name, value in place.items() if value},
        messages=tuple((m.message_ts, m.user_id or "", m.part) for m in whole.messages),
        revision=example.revision,
        created_at=example.created_at.isoformat(),
        updated_at=example.updated_at.isoformat(),
    )


def with_wrong_answers(
    found: Iterable[Record], wrong: Iterable[tuple[str, str]]
) -> Iterator[Record]:
    """Put beside each example what the bot answered wrongly to the same question."""
    by_question: dict[str, list[str]] = {}
    for question, answer in wrong:
        by_question.setdefault(_key(question), []).append(answer)
    for record in found:
        others = [*record.rejected, *by_question.get(_key(record.question), [])]
        yield replace(record, rejected=tuple(dict.fromkeys(others)))


def _key(question: str) -> str:
    return " ".join(re.findall(r"\w+", question.casefold())) or question


def _revision(example: Example, revision: Revision) -> dict[str, Any]:
    """What an example said and who changed it; the words it says now are not said twice."""
    found: dict[str, Any] = {
        "number": revision.number,
        "reason": revision.reason.value,
        "author_id": revision.author_id,
        "made_at": revision.made_at.isoformat(),
    }
    words = ("question", "answer", "context", "tags")
    if any(getattr(revision, name) != getattr(example, name) for name in words):
        found |= {name: getattr(revision, name) for name in words}
    return found


def _openai_chat(record: Record, plain: bool) -> list[str]:
    return [jsonl.dump(openai_chat.dump(record, plain=plain))]


def _prompt_completion(record: Record, plain: bool) -> list[str]:
    return [jsonl.dump(prompt_completion.dump(record, plain=plain))]


def _dpo(record: Record, plain: bool) -> list[str]:
    return [jsonl.dump(row) for row in dpo.dump(record, plain=plain)]


def _csv(record: Record, plain: bool) -> list[str]:
    return [csv_table.dump(record, plain=plain)]


#: Formats that are one text file, and how a record is written in each.
TEXT_FORMATS: dict[str, Callable[[Record, bool], list[str]]] = {
    "openai-chat": _openai_chat,
    "prompt-completion": _prompt_completion,
    "dpo": _dpo,
    "csv": _csv,
}


def writer_of(format_name: str) -> Callable[[Session, str, Viewer, Path], int]:
    """A function that writes the workspace's data set into a file, for who may see it."""

    def write(session: Session, team_id: str, viewer: Viewer, path: Path) -> int:
        found = records(session, team_id, WORKSPACE, viewer)
        if format_name == "dpo":
            wrong = exchange.wrong_answers(session, team_id, WORKSPACE, viewer)
            found = with_wrong_answers(found, wrong)
        return export_text(found, format_name, str(path), plain=False)

    return write


def export_text(found: Iterable[Record], format_name: str, path: str, *, plain: bool) -> int:
    """
    Write the records and return how many rows they made; ``-`` is standard output.

    Raises:
        ExportRefusedError: nothing can be written there.
    """
    dump = TEXT_FORMATS[format_name]
    is_csv = format_name == "csv"
    count = 0
    with target(path, csv_table.ENCODING if is_csv else "utf-8") as file:
        if is_csv:
            file.write(csv_table.header(plain=plain))
        for record in found:
            for row in dump(record, plain):
                file.write(row)
                count += 1
    return count
