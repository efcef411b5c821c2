"""Prints the figures of ``docs/seed-data.md``: ``python -m bot.seed``."""

import sys
from collections.abc import Iterator, Sequence

from bot.seed.figures import answer_lengths, bm25, overlap
from bot.seed.freeze import changed_parts, fingerprints
from bot.seed.organisation import Fact, Unanswered, load_facts, load_unanswered

WORDINGS = {1: "second", 2: "third"}


def report(facts: Sequence[Fact], unanswered: Sequence[Unanswered]) -> Iterator[str]:
    """Yield the lines of the report."""
    curated = sum(fact.curated for fact in facts)
    topics = len({fact.topic for fact in facts})
    near = sum(each.near is not None for each in unanswered)
    yield f"{len(facts)} facts on {topics} topics, {curated} of them curated at first start"
    yield f"{len(unanswered)} questions nobody has answered, {near} of them near misses"
    words = answer_lengths(facts)
    yield (
        f"answers: {words.shortest} to {words.longest} words, "
        f"mean {words.mean:.1f}, median {words.median:g}"
    )
    for wording, name in WORDINGS.items():
        yield from _on_overlap(facts, wording, name)
        yield from _on_retrieval(facts, wording, name)
    yield from _on_freeze(facts, unanswered)


def _on_overlap(facts: Sequence[Fact], wording: int, name: str) -> Iterator[str]:
    figures = overlap(facts, wording)
    yield f"{name} wordings against first wordings, content words:"
    yield f"  Jaccard similarity with their own      {figures.jaccard:.2f}"
    yield f"  share of their words in their own      {figures.share:.2f}"
    yield f"  that share no word with their own      {figures.without_any}"
    yield f"  Jaccard with the nearest other         {figures.nearest_other:.2f}"
    yield f"  as near to another as to their own     {figures.mistakable}"
    yield f"  fewest words in own question or answer {figures.fewest_known}"


def _on_retrieval(facts: Sequence[Fact], wording: int, name: str) -> Iterator[str]:
    for stop_words in (True, False):
        for stemmed in (False, True):
            found = bm25(facts, wording, stop_words=stop_words, stemmed=stemmed)
            kind = ("all words" if stop_words else "content words") + (", Porter" * stemmed)
            yield (
                f"  BM25, {kind + ':':22} first {found.first:3} of {len(facts)}, "
                f"among three {found.among_three:3}"
            )


def _on_freeze(facts: Sequence[Fact], unanswered: Sequence[Unanswered]) -> Iterator[str]:
    changed = changed_parts(facts, unanswered)
    for part, digest in fingerprints(facts, unanswered).items():
        yield f"{part}: {'CHANGED' if part in changed else 'as frozen'}, sha256 {digest}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in report(load_facts(), load_unanswered()))
