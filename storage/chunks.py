"""Long lists of ids, in pieces that fit into one statement of every database; rows in pages."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_CHUNK = 500
Id = TypeVar("Id", int, str)
T = TypeVar("T")


def chunks(ids: Iterable[Id]) -> Iterator[list[Id]]:
    """Sorted ids, some at a time."""
    return pages(iter(sorted(ids)), _CHUNK)


def pages(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    """The rows as they come, so many at a time."""
    while some := list(islice(rows, size)):
        yield some
