"""JSON Lines: one object per line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.dataset.formats.lines import lines
from bot.dataset.record import Record, Row, RowError

Json = dict[str, Any]
#: What some programs take for the end of a line; in JSON they may be escaped.
_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}
_SHOWN = 60


def objects(path: Path, encoding: str = "") -> Iterator[tuple[int, Json | RowError]]:
    """
    Yield each line's object, or what is wrong with the line; empty lines are passed over.

    Raises:
        FileRefusedError: the file is no text at all.
    """
    for number, line in lines(path, encoding):
        if line.strip():
            yield number, _object(line)


def rows(path: Path, encoding: str, parse: Callable[[Json], Record]) -> Iterator[Row]:
    """Yield each line as a row of the format that ``parse`` knows."""
    for number, found in objects(path, encoding):
        try:
            if isinstance(found, RowError):
                raise found
            row = Row(number, parse(found))
        except RowError as error:
            row = Row(number, problem=str(error))
        yield row


def dump(row: Json) -> str:
    """One line, with its end."""
    line = json.dumps(row, ensure_ascii=False, allow_nan=False)
    for character, escaped in _LINE_ENDS.items():
        line = line.replace(character, escaped)
    return line + "\n"


def string(row: Json, key: str) -> str:
    """
    Raises:
        RowError: there is no text under ``key``.
    """
    if key not in row:
        raise RowError(f"`{key}` is missing.")
    if not isinstance(row[key], str):
        raise RowError(f"`{key}` has to be text, it is {_kind(row[key])}.")
    text: str = row[key]
    return text


def _object(line: str) -> Json | RowError:
    try:
        found = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        shown = line.strip()[:_SHOWN]
        return RowError(
            f"this line is no JSON ({error.msg} at character {error.pos + 1}): “{shown}”. "
            "JSONL has one object per line."
        )
    except RowError as error:
        return error
    except (ValueError, RecursionError):
        return RowError("its JSON holds numbers that are no numbers, or is nested too deeply.")
    if not isinstance(found, dict):
        return RowError(f"this line is {_kind(found)}, not an object: JSONL has one per line.")
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> Json:
    """Of a key that stands twice one value would be lost, and nobody would know which."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RowError(f"its JSON has the key `{twice[:_SHOWN]}` twice. Leave one of them out.")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return "empty" if value is None else names.get(type(value), "a number")
