"""Figures of a data set: how much there is, of what and from where. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from storage.tables import SnapshotRow, Split


def stats_of(rows: Iterable[SnapshotRow]) -> dict[str, Any]:
    """
    Count rows by split and source, and measure questions and answers in words.

    ``wordings`` counts examples by the number of ways their question was asked.
    """
    splits: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    asked: Counter[int] = Counter()
    questions: list[int] = []
    answers: list[int] = []
    erased = multi_turn = 0
    for row in rows:
        erased += row.erased
        if row.erased:
            continue
        splits[row.split.value] += 1
        asked[row.example_id] += 1
        if asked[row.example_id] == 1:
            sources[row.answer_source] += 1
            multi_turn += bool(row.context)
            answers.append(len(row.answer.split()))
        questions.append(len(row.question.split()))
    return {
        "examples": len(asked),
        "rows": splits.total(),
        "erased": erased,
        "splits": {split.value: splits[split.value] for split in Split if splits[split.value]},
        "sources": dict(sorted(sources.items())),
        "wordings": {str(ways): n for ways, n in sorted(Counter(asked.values()).items())},
        "with_earlier_turns": multi_turn,
        "question_words": _lengths(questions),
        "answer_words": _lengths(answers),
    }


def _lengths(words: Sequence[int]) -> dict[str, float]:
    if not words:
        return {}
    ordered = sorted(words)
    last = len(ordered) - 1
    return {
        "least": ordered[0],
        "median": ordered[round(last * 0.5)],
        "p90": ordered[round(last * 0.9)],
        "most": ordered[-1],
        "mean": round(sum(ordered) / len(ordered), 1),
    }
