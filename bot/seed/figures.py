"""
How hard the data set is: word overlap, answer lengths and what plain BM25 finds.

Pure, but for an SQLite index in memory. Prints nothing.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import mean, median

from bot.seed.organisation import Fact
from bot.seed.words import content_words, jaccard, raw_words, share, without_stop_words


@dataclass(frozen=True, slots=True)
class Overlap:
    """
    How much the wordings of one kind share with the first wordings; means over all facts, 0 to 1.

    ``nearest_other`` is the highest Jaccard similarity with the first wording of another fact;
    ``mistakable`` counts wordings at least as similar to such a one as to their own, both above
    0. ``fewest_known`` is the smallest number of content words that a wording has in common with
    its fact's first wording and answer taken together.
    """

    jaccard: float
    share: float
    without_any: int
    nearest_other: float
    mistakable: int
    fewest_known: int


@dataclass(frozen=True, slots=True)
class Found:
    """In how many cases BM25 puts the right fact first, and among the first three."""

    first: int
    among_three: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Words per text, as separated by white space."""

    shortest: int
    median: float
    mean: float
    longest: int


def overlap(facts: Sequence[Fact], wording: int) -> Overlap:
    """Compare the wordings number ``wording`` (0-based) with the first wordings."""
    first = [content_words(fact.wordings[0]) for fact in facts]
    known = [content_words(f"{fact.wordings[0]} {fact.answer}") for fact in facts]
    asked = [content_words(fact.wordings[wording]) for fact in facts]
    own = [jaccard(words, its) for words, its in zip(asked, first, strict=True)]
    nearest = [
        max((jaccard(words, its) for j, its in enumerate(first) if j != i), default=0.0)
        for i, words in enumerate(asked)
    ]
    return Overlap(
        jaccard=mean(own),
        share=mean(share(words, its) for words, its in zip(asked, first, strict=True)),
        without_any=sum(similarity == 0 for similarity in own),
        nearest_other=mean(nearest),
        mistakable=sum(0 < mine <= other for mine, other in zip(own, nearest, strict=True)),
        fewest_known=min(len(words & its) for words, its in zip(asked, known, strict=True)),
    )


def answer_lengths(facts: Sequence[Fact]) -> Lengths:
    """Measure the answers."""
    counts = [len(fact.answer.split()) for fact in facts]
    return Lengths(min(counts), median(counts), mean(counts), max(counts))


def bm25(facts: Sequence[Fact], wording: int, *, stop_words: bool, stemmed: bool) -> Found:
    """
    Search for each fact by its wording number ``wording`` among all first wordings and answers.

    Default weights of SQLite's FTS5; the query is the wording's words joined by OR, with its
    stop words only if ``stop_words``, and Porter's stemmer on both sides if ``stemmed``.
    """
    with closing(sqlite3.connect(":memory:")) as index:
        _fill(index, facts, stemmed=stemmed)
        ranks = [
            _rank(index, number, fact.wordings[wording], stop_words=stop_words)
            for number, fact in enumerate(facts)
        ]
    return Found(
        first=sum(rank == 0 for rank in ranks),
        among_three=sum(rank is not None and rank < 3 for rank in ranks),
    )


def _fill(index: sqlite3.Connection, facts: Sequence[Fact], *, stemmed: bool) -> None:
    tokenizer = "porter unicode61" if stemmed else "unicode61"
    index.execute(f"CREATE VIRTUAL TABLE fact USING fts5(question, answer, tokenize='{tokenizer}')")
    index.executemany(
        "INSERT INTO fact (rowid, question, answer) VALUES (?, ?, ?)",
        [(number, fact.wordings[0], fact.answer) for number, fact in enumerate(facts)],
    )


def _rank(index: sqlite3.Connection, number: int, query: str, *, stop_words: bool) -> int | None:
    """Return the place of fact ``number``, 0 for the first; None if it is not found at all."""
    words = raw_words(query) if stop_words else without_stop_words(query)
    rows = index.execute(
        "SELECT rowid FROM fact WHERE fact MATCH ? ORDER BY bm25(fact), rowid",
        (" OR ".join(f'"{word}"' for word in words),),
    )
    found = [row[0] for row in rows]
    return found.index(number) if number in found else None
