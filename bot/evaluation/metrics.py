"""How near an answer comes to the curated one: token F1. Pure."""

import re
import unicodedata
from collections import Counter

_ARTICLES = frozenset({"a", "an", "the"})
#: Written without spaces, so each character counts as a token.
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
#: Marks that are punctuation at the end of a word, Markdown's included.
_TRAILING = ".,;:!?…)]}>\"'*_`~"
#: Marks that are punctuation before a word; ``-``, ``/``, ``#``, ``$``, ``.`` and ``~`` may begin
#: an option, a path, a channel, a variable or a file and are kept.
_LEADING = "([{<\"'*_`,;:!?…"
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


def tokens_of(text: str) -> list[str]:
    """
    Split into the words that count: no case, no articles, no punctuation around words.

    Unlike the usual normalisation of question-answering scores, punctuation inside a word stays:
    ``3.5`` is not ``35``, ``--no-verify`` is not ``noverify``, and a link is one word.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    words = (_bare(word) for word in _UNSPACED.sub(r" \1 ", plain).split())
    return [word for word in words if word and word not in _ARTICLES]


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of precision and recall over words, 0 to 1; each word counts as often as it
    stands there."""
    given, wanted = Counter(tokens_of(answer)), Counter(tokens_of(reference))
    if not given or not wanted:
        return float(given == wanted)
    shared = (given & wanted).total()
    return 2 * shared / (given.total() + wanted.total())


def _bare(word: str) -> str:
    bare = word.lstrip(_LEADING).rstrip(_TRAILING)
    if _THOUSANDS.fullmatch(bare):
        return bare.replace(",", "")
    return bare if any(letter.isalnum() for letter in bare) else ""
