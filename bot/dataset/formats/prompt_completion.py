"""
Prompt and completion: ``{"prompt": …, "completion": …}``, both text.

Turns before the question stand in the prompt, one line each; our own key holds them apart.
"""

from collections.abc import Iterator
from pathlib import Path

from bot.dataset.formats import jsonl, metadata
from bot.dataset.formats.jsonl import Json
from bot.dataset.record import Record, Row


def read(path: Path, encoding: str = "") -> Iterator[Row]:
    return jsonl.rows(path, encoding, parse)


def parse(row: Json) -> Record:
    """
    Raises:
        RowError: prompt or completion is missing or no text.
    """
    record = Record(jsonl.string(row, "prompt"), jsonl.string(row, "completion"))
    return metadata.read(record, row.get(metadata.KEY))


def dump(record: Record, *, plain: bool = False) -> Json:
    row: Json = {"prompt": _prompt(record), "completion": record.answer}
    extra = metadata.of(record, with_text=bool(record.context))
    return row if plain else row | {metadata.KEY: extra}


def _prompt(record: Record) -> str:
    if not record.context:
        return record.question
    said = [f"{turn['role']}: {turn['content']}" for turn in record.context]
    return "\n".join([*said, f"user: {record.question}"])
