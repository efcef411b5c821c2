"""What changed between two snapshots, in words. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.tables import SnapshotRow, Split

_BEGINNING = 60
#: So many changes of a kind are told; the rest is counted.
TOLD = 20


@dataclass(frozen=True)
class Change:
    """``kind`` is added, removed, erased, answer, question, wordings or split."""

    kind: str
    example_id: int
    sentence: str


@dataclass
class Diff:
    changes: list[Change] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "counts": dict(Counter(change.kind for change in self.changes)),
            "changes": [vars(change) for change in self.changes],
        }

    def sentences(self) -> list[str]:
        """One line for each change, at most ``TOLD`` of a kind."""
        if not self.changes:
            return ["Nothing has changed."]
        told: list[str] = []
        counts: Counter[str] = Counter()
        for change in self.changes:
            counts[change.kind] += 1
            if counts[change.kind] <= TOLD:
                told.append(change.sentence)
        more = {kind: count - TOLD for kind, count in counts.items() if count > TOLD}
        return [
            *told,
            *(f"… and {count} more of the kind “{kind}”." for kind, count in more.items()),
        ]


def diff_rows(before: Iterable[SnapshotRow], after: Iterable[SnapshotRow]) -> Diff:
    """Compare the rows of two snapshots, erased ones among them, example by example."""
    old, new = _by_example(before), _by_example(after)
    diff = Diff()
    for example_id in sorted(old.keys() | new.keys()):
        diff.changes += _changes(example_id, old.get(example_id, ()), new.get(example_id, ()))
    return diff


def _by_example(rows: Iterable[SnapshotRow]) -> dict[int, list[SnapshotRow]]:
    found: dict[int, list[SnapshotRow]] = {}
    for row in rows:
        found.setdefault(row.example_id, []).append(row)
    return found


def _changes(
    example_id: int, old: Sequence[SnapshotRow], new: Sequence[SnapshotRow]
) -> Iterable[Change]:
    name = f"Example {example_id}"
    if any(row.erased for row in (*old, *new)):
        yield Change("erased", example_id, f"{name} was erased.")
        return
    if not old:
        yield Change("added", example_id, f"{name} was added: {_quoted(new[0].question)}.")
        return
    if not new:
        yield Change("removed", example_id, f"{name} was taken out: {_quoted(old[0].question)}.")
        return
    if old[0].answer != new[0].answer:
        what = f"{_quoted(old[0].answer)} is now {_quoted(new[0].answer)}"
        question = _quoted(new[0].question)
        yield Change("answer", example_id, f"{name}, {question}, has another answer: {what}.")
    yield from _other_wordings(name, example_id, old, new)
    before, now = _splits(old), _splits(new)
    if before != now:
        what = f"{' and '.join(before)} to {' and '.join(now)}"
        yield Change("split", example_id, f"{name} moved from {what}.")


def _other_wordings(
    name: str, example_id: int, old: Sequence[SnapshotRow], new: Sequence[SnapshotRow]
) -> Iterable[Change]:
    asked, asks = {row.question for row in old}, {row.question for row in new}
    gone, come = sorted(asked - asks), sorted(asks - asked)
    if len(gone) == len(come) == 1:
        what = f"{_quoted(gone[0])} is now {_quoted(come[0])}"
        yield Change("question", example_id, f"{name} is asked in other words: {what}.")
        return
    for text in come:
        sentence = f"{name} has one more wording: {_quoted(text)}."
        yield Change("wordings", example_id, sentence)
    for text in gone:
        sentence = f"{name} lost a wording: {_quoted(text)}."
        yield Change("wordings", example_id, sentence)


def _splits(rows: Sequence[SnapshotRow]) -> list[str]:
    """Where the question itself stands; held-out wordings come and go with wordings."""
    kinds = {row.split for row in rows}
    own = kinds - {Split.HELD_OUT_WORDING} or kinds
    return sorted(split.value for split in own)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line[:_BEGINNING]}…”" if len(line) > _BEGINNING else f"“{line}”"
