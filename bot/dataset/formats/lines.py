"""
Text files that come from elsewhere, read line by line: never whole, never guessed.

A wrong guess of the encoding would store wrong letters, so it is only named in the refusal.
"""

import codecs
import io
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bot.dataset.errors import FileRefusedError

#: One row of text; a longer line is no example, and would have to be held in memory.
MAX_LINE_BYTES = 4_000_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: How files begin that are often given by mistake, and what to do with them.
_MAGIC = (
    (b"PK\x05\x06", "an empty ZIP archive. Look where its files went"),
    (b"PK\x03\x04", "a ZIP archive (Excel files are too). Unpack it, or save it as CSV"),
    (b"\x1f\x8b", "compressed with gzip. Unpack it with `gunzip` first"),
    (b"%PDF", "a PDF. Save its questions and answers as CSV"),
    (b"PAR1", "a Parquet file. Save it as JSONL first"),
    (b"SQLite format 3", "an SQLite database. Export what you need as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file. Save it as CSV"),
    (b"7z\xbc\xaf", "a 7z archive. Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd. Unpack it first"),
    (b"\x89PNG", "a picture. Type what it says into a CSV"),
    (b"\xff\xd8\xff", "a picture. Type what it says into a CSV"),
    (b"GIF8", "a picture. Type what it says into a CSV"),
    (b"BZh", "compressed with bzip2. Unpack it with `bunzip2` first"),
    (b"\xfd7zXZ\0", "compressed with xz. Unpack it with `unxz` first"),
)


def open_file(path: Path) -> BinaryIO:
    """
    Raises:
        FileRefusedError: there is no such regular file, or it may not be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileRefusedError(f"{path} is not a file.")
        return path.open("rb")
    except FileNotFoundError:
        raise FileRefusedError(f"There is no file {path}.") from None
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise FileRefusedError(f"{path} cannot be read: {reason}.") from None


def lines(path: Path, encoding: str = "") -> Iterator[tuple[int, str]]:
    """
    Yield the lines with their numbers, from 1, ends included.

    Raises:
        FileRefusedError: no text file, or not in UTF-8 (a BOM decides) or ``encoding``.
    """
    with open_file(path) as file:
        beginning = file.read(64)
        _refuse_magic(path, beginning)
        found = _bom(beginning)
        named = encoding or (found[1] if found else "utf-8")
        is_utf_8 = _codec(named) == "utf-8"
        file.seek(len(found[0]) if found and is_utf_8 else 0)
        yield from _utf_8_lines(path, file) if is_utf_8 else _other_lines(path, file, named)


def _codec(named: str) -> str:
    """
    Raises:
        FileRefusedError: no text is written so.
    """
    try:
        # Python's codecs are not all of them encodings of text: some undo base64, or packing.
        "".encode(named)
        "".encode("ascii").decode(named)
        return codecs.lookup(named).name
    except (LookupError, ValueError):
        raise FileRefusedError(
            f"There is no encoding {named[:40]}. Most files are utf-8."
        ) from None


def _utf_8_lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, str]]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise _too_long(path, number)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FileRefusedError(
                f"{path.name}, row {number}: byte {error.start + 1} of the line is not UTF-8."
                f"{_guess(raw)}"
            ) from None
        if "\0" in text:
            raise FileRefusedError(
                f"{path.name}, row {number}: there are zero bytes in it, so this is no text file, "
                f"or it is in UTF-16 without a mark: name it with --encoding {_utf_16(raw)}."
            )
        yield number, text


def _other_lines(path: Path, file: BinaryIO, encoding: str) -> Iterator[tuple[int, str]]:
    text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="\n")
    number = 0
    try:
        while line := text.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) >= MAX_LINE_BYTES:
                raise _too_long(path, number)
            yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeError:
        raise FileRefusedError(
            f"{path.name} cannot be read as {encoding}, somewhere after row {number}. "
            "Save it as UTF-8, or name its encoding with --encoding."
        ) from None
    finally:
        text.detach()  # whoever opened the file closes it


def _too_long(path: Path, number: int) -> FileRefusedError:
    return FileRefusedError(
        f"{path.name}, row {number} is longer than {MAX_LINE_BYTES:,} bytes. "
        "Each example has to be one row of its own."
    )


def _refuse_magic(path: Path, beginning: bytes) -> None:
    for magic, what in _MAGIC:
        if beginning.startswith(magic):
            raise FileRefusedError(f"{path.name} is {what}.")


def _bom(beginning: bytes) -> tuple[bytes, str] | None:
    return next(((bom, name) for bom, name in _BOMS if beginning.startswith(bom)), None)


def _utf_16(raw: bytes) -> str:
    """Of a plain letter the first byte is zero, or the second."""
    return "utf-16-le" if raw.find(0) % 2 else "utf-16-be"


def _guess(raw: bytes) -> str:
    """Name what the line looks like, as a hint and never as a decision."""
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # a slim installation
        best = None
    else:
        best = from_bytes(raw[:100_000]).best()
    if best is None:
        return " Save the file as UTF-8."
    return f" It looks like {best.encoding}: save it as UTF-8, or say --encoding {best.encoding}."
