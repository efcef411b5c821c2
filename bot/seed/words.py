"""
Content words and how much two texts share of them. Pure, but for SQLite in memory.

A content word is a lower-cased run of letters and digits which is not a stop word, cut to its
stem so that "deploys" and "deploy" count as one word.
"""

import re
import sqlite3
from collections.abc import Set as AbstractSet
from contextlib import closing

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

_STOP_WORDS_TEXT = """
a about after again all already also always am an and another any anybody anyone anything are as
at away back be because been before behind being below beside between both but by can can't cannot
come comes could did do does doesn't doing don't done down each else even ever every everybody
everyone everything few for from get gets give gives given go goes going gone got had has hasn't
have haven't he her him his how i i'd i'm i've if in into is isn't it it's its itself just keep
keeps let like long look many may me mean might mine more most much must my myself need needs
never new no nobody not nothing now of off ok okay on once one ones only or other others our out
over own per please put right same see she should simply so some somebody someone something
somewhere soon still such take takes tell than that that's the their them then there there's these
they thing things this those through till to together too two under until up upon us use using
very want wants was way we we're we've were what what's when where where's which while who who's
whole whom whose why will with without won't would yes yet you your yourself yourselves
"""
STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


def raw_words(text: str) -> list[str]:
    """Return all words of ``text`` in order, lower-cased."""
    return _WORD.findall(text.lower().replace("’", "'"))


def without_stop_words(text: str) -> list[str]:
    """Return the words of ``text`` that are not stop words, in order."""
    return [word for word in raw_words(text) if word not in STOP_WORDS]


def content_words(text: str) -> frozenset[str]:
    """Return the stems of the content words of ``text``, by Porter's rules as SQLite has them."""
    with closing(sqlite3.connect(":memory:")) as index:
        index.execute("CREATE VIRTUAL TABLE entry USING fts5(words, tokenize='porter unicode61')")
        index.execute("CREATE VIRTUAL TABLE stem USING fts5vocab(entry, 'row')")
        bare = (word.removesuffix("'s") for word in without_stop_words(text))
        index.execute("INSERT INTO entry (words) VALUES (?)", (" ".join(bare),))
        return frozenset(row[0] for row in index.execute("SELECT term FROM stem"))


def jaccard(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """Return shared words over all words of both, 0 to 1; 0 where both are empty."""
    everything = one | other
    return len(one & other) / len(everything) if everything else 0.0


def share(of: AbstractSet[str], found_in: AbstractSet[str]) -> float:
    """Return which part of the first text's words the second one has too, 0 to 1."""
    return len(of & found_in) / len(of) if of else 0.0
