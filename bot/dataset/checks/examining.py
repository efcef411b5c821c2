"""
All checks of a data set, row by row: the frozen rows of an audience, or those of a file. Pure.

Of each row only hashes and counts stay in memory, so that a large file can be checked.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.curation.markup import has_words
from bot.dataset.checks.findings import Finding, Findings, error, warning
from bot.dataset.record import Turn
from storage.tables import Split

_WORD = re.compile(r"\w+")
_SLACK_MARKUP = re.compile(r"<[@#!][A-Z0-9^][^<>\s]*>")
_BEGINNING = 50
#: Splits that are trained on; what stands in the others must not stand here.
_TRAINED = (Split.TRAIN,)


@dataclass(frozen=True)
class Item:
    """One row to check; ``number`` is its row in a file, or its example's id."""

    number: int
    question: str
    answer: str
    context: Sequence[Turn] = ()
    split: Split = Split.TRAIN


@dataclass
class Examination:
    """
    Findings so far, and the sizes of the training rows in tokens.

    ``count_tokens`` counts a whole row as it is trained on, ``limit`` is the model's context.
    """

    count_tokens: Callable[[Item], int]
    limit: int
    findings: Findings = field(default_factory=Findings)
    tokens: list[int] = field(default_factory=list)
    rows: int = 0
    _first: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    _held_out: dict[bytes, tuple[int, Split]] = field(default_factory=dict)
    _without_system: int = 0

    def look_at(self, item: Item) -> None:
        """Check one row, alone and against those before it."""
        self.rows += 1
        self.findings.extend(_alone(item))
        if item.split in _TRAINED:
            self._size(item)
            self._against_trained(item)
            roles = {turn.get("role") for turn in item.context}
            self._without_system += not roles & {"system", "developer"}
        else:
            # The same question may be held out of several splits, but never trained.
            self._held_out.setdefault(_key(item.question), (item.number, item.split))

    def refuse(self, number: int, problem: str) -> None:
        """Note a row that could not be read at all."""
        self.rows += 1
        self.findings.add(error("format", number, problem, "Correct the row or leave it out."))

    def conclude(self, *, is_file: bool) -> None:
        """Check what only shows when all rows were seen."""
        asked = {key[:16]: number for key, (number, _) in self._first.items()}
        for key, (number, split) in self._held_out.items():
            if key in asked:
                self.findings.add(_leak(number, split, asked[key]))
        trained = len(self.tokens)
        if is_file and 0 < self._without_system < trained:
            self.findings.add(
                warning(
                    "system",
                    None,
                    f"{self._without_system} of {trained} rows have no system message.",
                    "Give all rows the system message you will ask with, or none of them.",
                )
            )

    def _size(self, item: Item) -> None:
        tokens = self.count_tokens(item)
        self.tokens.append(tokens)
        if tokens > self.limit:
            self.findings.add(
                error(
                    "too_long",
                    item.number,
                    f"{_quoted(item.question)} has {tokens:,} tokens with its answer, the model "
                    f"takes {self.limit:,}: the end of the answer would be cut off.",
                    f"Shorten it by {tokens - self.limit:,} tokens, or make two rows of it.",
                )
            )

    def _against_trained(self, item: Item) -> None:
        said = [turn for turn in item.context if turn.get("role") in ("user", "assistant")]
        context = "".join(str(turn.get("content", "")) for turn in said)
        key = _key(item.question) + _key(context)
        answer = _key(item.answer)
        number, before = self._first.setdefault(key, (item.number, answer))
        if number == item.number:
            return
        if before == answer:
            self.findings.add(
                warning(
                    "duplicate",
                    item.number,
                    f"{_quoted(item.question)} stands here again, after {number}, with the same "
                    "answer.",
                    "Keep one: what stands twice is learned twice as hard.",
                )
            )
        else:
            self.findings.add(
                warning(
                    "contradiction",
                    item.number,
                    f"{_quoted(item.question)} has another answer than in {number}.",
                    "Decide which one is right and leave out the other.",
                )
            )


def _alone(item: Item) -> Iterator[Finding]:
    for part, text in (("question", item.question), ("answer", item.answer)):
        if not text.strip():
            todo = "Write it, or leave the row out."
            yield error("empty", item.number, f"The {part} is empty.", todo)
        elif not has_words(text):
            what = f"The {part} has no words in it, only signs."
            yield warning("no_words", item.number, what, "Say in words what it means.")
        if _SLACK_MARKUP.search(text):
            yield warning(
                "markup",
                item.number,
                f"The {part} has Slack's codes for people or channels in it.",
                "Write names or leave them out: the model would learn to write the codes.",
            )


def _leak(number: int, split: Split, trained: int) -> Finding:
    return error(
        "leakage",
        number,
        f"Its question is in the split {split.value} and, in the same words, in the training "
        f"rows ({trained}), so the evaluation would ask what was learned by heart.",
        "Take it out of one of them.",
    )


def _key(text: str) -> bytes:
    """Sixteen bytes that are equal for texts with the same words in the same order."""
    words = " ".join(_WORD.findall(text.casefold())) or text
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()[:16]


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line[:_BEGINNING]}…”" if len(line) > _BEGINNING else f"“{line}”"


def spread(tokens: Sequence[int]) -> dict[str, Any]:
    """Total, least, median, 90th percentile and most; all 0 without rows."""
    ordered = sorted(tokens) or [0]
    last = len(ordered) - 1
    return {
        "total": sum(ordered),
        "least": ordered[0],
        "median": ordered[round(last * 0.5)],
        "p90": ordered[round(last * 0.9)],
        "most": ordered[-1],
    }
