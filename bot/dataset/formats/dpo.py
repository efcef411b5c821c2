"""
Preference pairs as OpenAI takes them: an input, the right answer and one that was wrong.

An example gives as many rows as it has wrong answers, and none without one.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bot.dataset.formats import jsonl, metadata, openai_chat
from bot.dataset.formats.jsonl import Json
from bot.dataset.record import Record, Row, RowError


def read(path: Path, encoding: str = "") -> Iterator[Row]:
    return jsonl.rows(path, encoding, parse)


def parse(row: Json) -> Record:
    """
    Raises:
        RowError: it is no pair of answers to one question.
    """
    asked = row.get("input")
    if not isinstance(asked, dict) or "messages" not in asked:
        raise RowError("`input.messages` is missing.")
    turns = openai_chat.messages(asked["messages"])
    if turns[-1]["role"] != "user":
        raise RowError("the last message of `input` is not the user's.")
    right, wrong = (_answer(row, key) for key in ("preferred_output", "non_preferred_output"))
    record = Record(turns[-1]["content"], right, tuple(turns[:-1]))
    record = metadata.read(record, row.get(metadata.KEY))
    return record if wrong in record.rejected else replace(record, rejected=(wrong,))


def dump(record: Record, *, plain: bool = False) -> list[Json]:
    extra = {} if plain else {metadata.KEY: metadata.of(record)}
    return [
        {
            "input": {"messages": openai_chat.prompt(record)},
            "preferred_output": [{"role": "assistant", "content": record.answer}],
            "non_preferred_output": [{"role": "assistant", "content": wrong}],
        }
        | extra
        for wrong in record.rejected
        if wrong != record.answer
    ]


def _answer(row: Json, key: str) -> str:
    turns = openai_chat.messages(row.get(key))
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise RowError(f"`{key}` has to be one message of the assistant's.")
    text: str = turns[0]["content"]
    return text
