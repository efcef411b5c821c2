"""The words of a text as our searches see them. Pure."""

import re
import threading
from collections.abc import Iterable
from unicodedata import combining, normalize

import Stemmer

#: A word that half of all questions have says nothing about which example fits.
_FILLERS = (
    "a an and any are as at be can could do does for from get has have how i if in is it me my "
    "of on or our please should so that the their there they this to us want was we what when "
    "where which who whom why will with would you your"
)
STOP_WORDS = frozenset(_FILLERS.split())

_WORD = re.compile(r"[^\W_]+")


class _Stemmers(threading.local):
    """One for each thread, for they may not be shared."""

    def __init__(self) -> None:
        # Porter's first stemmer, which is the one SQLite's full-text index has.
        # Without its cache: a large data set has more words, and then that takes twice the time.
        self.porter = Stemmer.Stemmer("porter", 0)


_STEMMERS = _Stemmers()


def words_of(text: str) -> list[str]:
    """All words in their order, case folded."""
    return _WORD.findall(text.casefold())


def stem(words: Iterable[str]) -> list[str]:
    """Each word without its accents and its ending, as the full-text index has them."""
    return list(_STEMMERS.porter.stemWords([w if w.isascii() else _plain(w) for w in words]))


def telling(words: Iterable[str]) -> list[str]:
    """Each word once, without fillers; fillers too where there is nothing else."""
    unique = list(dict.fromkeys(words))
    return [word for word in unique if word not in STOP_WORDS] or unique


def stems_of(text: str) -> frozenset[str]:
    """What a text is about: its telling words cut to their stems."""
    return frozenset(stem(telling(words_of(text))))


def stems_of_pair(one: str, other: str) -> tuple[frozenset[str], frozenset[str]]:
    """The stems of two texts together, and those of the second alone."""
    first, second = set(words_of(one)), set(words_of(other))
    both = (first | second) - STOP_WORDS or first | second
    alone = second - STOP_WORDS or second
    if not alone <= both:
        return frozenset(stem(both)), frozenset(stem(alone))
    stems = frozenset(stem(alone))
    return stems.union(stem(both - alone)), stems


def _plain(word: str) -> str:
    return "".join(letter for letter in normalize("NFKD", word) if not combining(letter))
