"""
What SQLite's full-text index knows about words: in how many examples each occurs, and in which.

That is over the whole index, whoever may see the examples: no text leaves here, and whoever reads
what ids stand for asks for a viewer.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlmodel import Session

_COUNT = "(SELECT count(*) FROM example_text WHERE example_text MATCH ?)"
#: As one text: rows of their own would take three times as long.
_IDS = "SELECT group_concat(rowid) FROM example_text WHERE example_text MATCH ?"
#: So many words are counted by one statement.
_AT_ONCE = 32
#: The first record of the index: how many rows it has, then the words of each column in all.
_AVERAGES = sa.text("SELECT block FROM example_text_data WHERE id = 1")


def rows_with(session: Session, words: Iterable[str]) -> dict[str, int]:
    """How many examples have each word, in any form; a word that none has is left out."""
    asked = list(dict.fromkeys(words))
    counted: dict[str, int] = {}
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        counts = f"SELECT {', '.join([_COUNT] * len(some))}"
        found = session.connection().exec_driver_sql(counts, tuple(f'"{word}"' for word in some))
        counted |= dict(zip(some, found.one(), strict=True))
    return {word: count for word, count in counted.items() if count}


def ids_with(session: Session, word: str, *, in_question: bool = False) -> NDArray[np.int64]:
    """Which examples have a word, in any form; or only those that have it in their question."""
    match = f'question : "{word}"' if in_question else f'"{word}"'
    found = session.connection().exec_driver_sql(_IDS, (match,)).scalar_one()
    return np.fromstring(found or "", np.int64, sep=",")


def rarest_words(counts: Mapping[str, int], most_rows: int) -> list[str]:
    """The rarest words, one at least, as many as occur ``most_rows`` times together. Pure."""
    chosen: list[str] = []
    rows = 0
    for word, count in sorted(counts.items(), key=lambda found: (found[1], found[0])):
        rows += count
        if chosen and rows > most_rows:
            break
        chosen.append(word)
    return chosen


def size(session: Session) -> tuple[int, float]:
    """How many examples the index holds, and how many words an example has on average."""
    block = session.connection().execute(_AVERAGES).scalar_one_or_none()
    rows, *words = _numbers(block or b"\0")
    return rows, sum(words) / max(rows, 1)


def _numbers(block: bytes) -> Iterator[int]:
    """SQLite's own packing: seven bits a byte, the highest bit says that more follow."""
    number = 0
    for byte in block:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            yield number
            number = 0
