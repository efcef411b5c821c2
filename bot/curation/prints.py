"""
What texts are about, as numbers that give no word away; those of examples are remembered. Pure.

Cutting words to their stems is most of what comparing an example with fifty others costs. Words
that were erased must not stay in memory, so a stem is kept as its hash, under the key that every
process draws for itself.
"""

from bot.words import stems_of, stems_of_pair

Prints = frozenset[int]

#: So many examples are remembered, some 5 kB each.
_REMEMBERED = 2048
_known: dict[int, tuple[Prints, Prints]] = {}


def prints_of(text: str) -> Prints:
    """The stems of a text."""
    return frozenset(map(hash, stems_of(text)))


def prints_of_pair(question: str, answer: str) -> tuple[Prints, Prints]:
    """The stems of an example's two texts together, and those of its answer alone."""
    key = hash((question, answer))
    found = _known.get(key)
    if found is None:
        both, alone = stems_of_pair(question, answer)
        found = frozenset(map(hash, both)), frozenset(map(hash, alone))
        if len(_known) >= _REMEMBERED:
            # The oldest goes, not all at once; another thread may have taken it just now.
            _known.pop(next(iter(tuple(_known))), None)
        _known[key] = found
    return found
