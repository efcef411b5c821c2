"""Long lists of ids, in pieces that fit into one statement of every database."""

from collections.abc import Iterable, Iterator
from itertools import islice

_CHUNK = 500


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Sorted ids, some at a time."""
    rest = iter(sorted(ids))
    while some := list(islice(rest, _CHUNK)):
        yield some
