"""
CSV with a question and an answer in each row, for spreadsheets.

A spreadsheet runs what begins like a formula. Such cells are written with an apostrophe before
them and read without it again, in files of ours alone.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bot.dataset.errors import FileRefusedError
from bot.dataset.formats import metadata
from bot.dataset.formats.lines import lines
from bot.dataset.record import Record, Row, RowError

#: Byte order mark and all, because spreadsheets take anything else for an older encoding.
ENCODING = "utf-8-sig"
COLUMNS = ("question", "answer", "tags", metadata.KEY)
_NAMES = {
    "question": ("question", "prompt", "instruction", "input", "q", "user", "frage"),
    "answer": ("answer", "completion", "response", "output", "a", "assistant", "antwort"),
    "tags": ("tags", "tag", "labels"),
    metadata.KEY: (metadata.KEY,),
}
_DELIMITERS = ",;\t|"
_LOOKS_ACTIVE = re.compile(r"'*[=+\-@\t\r\n]")
_WAS_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_MAX_CELL = 1_000_000


def read(path: Path, encoding: str = "") -> Iterator[Row]:
    """
    Raises:
        FileRefusedError: the table has no such columns, or breaks off inside a cell.
    """
    csv.field_size_limit(_MAX_CELL)
    text = lines(path, encoding)
    named_in, first = next((found for found in text if found[1].strip()), (1, ""))
    delimiter = max(_DELIMITERS, key=first.count)
    names = _names(path, first, delimiter)
    columns = _columns(path, names)
    width = len(names)
    table = csv.reader((line for _, line in text), delimiter=delimiter, strict=True)
    begins = named_in + 1
    try:
        for cells in table:
            if any(cell.strip() for cell in cells):
                yield _row(begins, cells, columns, width)
            begins = named_in + table.line_num + 1
    except csv.Error as error:
        raise FileRefusedError(
            f"{path.name}, row {begins}: {error}. A quotation mark may be open: inside "
            "a quoted cell each one is written twice."
        ) from None


def header(*, plain: bool = False) -> str:
    return _line(COLUMNS[:2] if plain else COLUMNS)


def dump(record: Record, *, plain: bool = False) -> str:
    """One row, with its end."""
    cells = [record.question, record.answer]
    if not plain:
        # Tags stand in a column of their own, for whoever sorts by them.
        found = metadata.of(replace(record, tags=()))
        if record.context:
            found["context"] = list(record.context)
        cells += [", ".join(record.tags), json.dumps(found, ensure_ascii=False)]
    return _line([_guard(cell) for cell in cells])


def _names(path: Path, first: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        raise FileRefusedError(
            f"{path.name}: its first row cannot be read, perhaps because its lines end as on Macs "
            "of long ago. Open it in a spreadsheet and save it as CSV again."
        ) from None


def _columns(path: Path, names: Sequence[str]) -> dict[str, int]:
    found = {}
    given = [name.strip().casefold() for name in names]
    known = {name for spellings in _NAMES.values() for name in spellings}
    if twice := sorted(name for name in known if given.count(name) > 1):
        raise FileRefusedError(
            f"{path.name} has two columns `{twice[0]}`, and only one could be kept. Rename one."
        )
    for column, spellings in _NAMES.items():
        place = next((given.index(name) for name in spellings if name in given), None)
        if place is not None:
            found[column] = place
    if missing := [name for name in ("question", "answer") if name not in found]:
        shown = ", ".join(name for name in names if name)[:200] or "nothing"
        raise FileRefusedError(
            f"{path.name} has no column `{missing[0]}`. Its first row has to name the columns, "
            f"`question` and `answer` among them; it says: {shown}."
        )
    return found


def _row(number: int, cells: Sequence[str], columns: dict[str, int], width: int) -> Row:
    is_ours = metadata.KEY in columns
    try:
        _refuse_more(cells, width)
        said = {name: _cell(cells, place, is_ours) for name, place in columns.items()}
        tags = tuple(tag.strip() for tag in said.get("tags", "").split(",") if tag.strip())
        record = Record(said["question"], said["answer"], tags=tags)
        return Row(number, metadata.read(record, _json(said.get(metadata.KEY, ""))))
    except RowError as error:
        return Row(number, problem=str(error))


def _refuse_more(cells: Sequence[str], width: int) -> None:
    """What stands after the last column is the rest of a text, and would be lost."""
    if any(cell.strip() for cell in cells[width:]):
        raise RowError(
            f"it has {len(cells)} columns, more than the first row names: is there a comma in the "
            "text? Put such a cell between quotation marks."
        )


def _cell(cells: Sequence[str], place: int, is_ours: bool) -> str:
    if place >= len(cells):
        raise RowError(f"it has {len(cells)} columns, fewer than the first row names.")
    cell = cells[place]
    return cell[1:] if is_ours and _WAS_GUARDED.match(cell) else cell


def _json(text: str) -> object:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RowError(f"the column `{metadata.KEY}` is no JSON any more.") from None


def _guard(cell: str) -> str:
    return f"'{cell}" if _LOOKS_ACTIVE.match(cell) else cell


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_MINIMAL).writerow(cells)
    return line.getvalue()
