"""What is wrong with a row or with all of them, and what to do about it. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

#: So many findings of one kind are listed; the rest is counted.
LISTED = 20


#: In a run's record: how many of each kind its rows were warned of.
WARNINGS = "warnings"


#: What warnings about rows are called, one of them and several.
NAMES = {
    "contradiction": ("contradiction", "contradictions"),
    "duplicate": ("duplicate", "duplicates"),
    "markup": ("row with Slack's codes in it", "rows with Slack's codes in them"),
    "no_words": ("row without words", "rows without words"),
}


class Level(StrEnum):
    ERROR = "error"  # nobody should train on this
    WARNING = "warning"  # somebody should look at it


@dataclass(frozen=True)
class Finding:
    """``row`` is the row of a file or the id of an example; None is about all of them."""

    level: Level
    kind: str
    row: int | None
    what: str
    todo: str


@dataclass
class Findings:
    """Findings in the order they were made, at most ``LISTED`` of a kind, and how many of each."""

    listed: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    def add(self, finding: Finding) -> None:
        self.counts[finding.kind] += 1
        self.errors += finding.level is Level.ERROR
        if self.counts[finding.kind] <= LISTED:
            self.listed.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def as_dict(self) -> dict[str, Any]:
        return {
            "errors": self.errors,
            "warnings": self.counts.total() - self.errors,
            "counts": dict(self.counts),
            "findings": [asdict(finding) for finding in self.listed],
        }


def warned_of(counts: Mapping[str, int]) -> str:
    """What somebody should look at in the rows of a run, and where; empty where nothing is."""
    if not counts:
        return ""
    kinds = (f"{number} {NAMES[kind][number > 1]}" for kind, number in sorted(counts.items()))
    return (
        f"Among its rows: {', '.join(kinds)}. `python -m bot dataset check` names each and says "
        "what to do, and pairs wait in `/apprentice review`"
    )


def error(kind: str, row: int | None, what: str, todo: str) -> Finding:
    return Finding(Level.ERROR, kind, row, what, todo)


def warning(kind: str, row: int | None, what: str, todo: str) -> Finding:
    return Finding(Level.WARNING, kind, row, what, todo)
