"""
What a trainer reads: chats made of a snapshot's rows alone, so that they can be made again. Pure.

Rows may carry examples in their prompt, as prompts carry them in serving. Those come from the
snapshot too: what nobody attested stays out, and a later change of an example changes nothing.
"""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing

from bot.answering.retrieval import (
    ANSWER_WEIGHT,
    QUESTION_WEIGHT,
    RetrievedExample,
    full_text_query,
    question_words,
)
from bot.engines.client import Message
from bot.evaluation.chats import training_chat
from storage.tables import SnapshotRow, Split

#: Each row is trained once with each of these numbers of examples in its prompt, its own among
#: them; 0 is the bare question. Small models learn nothing from bare questions that another
#: wording brings back, and a run that has none is several times shorter (docs/experiments.md).
EXAMPLES_IN_ROWS = (1,)
#: Large models do learn facts from bare questions, and are asked without examples too.
EXAMPLES_FOR_LARGE_MODELS = (0, 1)
#: The share of a question's words left out beside its own example, and what begins it instead.
LEFT_OUT = 0.4
FEWEST_WORDS = 3
OPENINGS = ("", "", "Hi! ", "Quick question: ", "Does anybody know? ", "Hey, ", "Sorry to ask: ")
#: The trainers of this machine, whose models are small.
SMALL = frozenset({"local", "trl", "autotrain"})


def examples_for(trainer: str) -> Sequence[int]:
    """How many examples the rows of a run carry; by the trainer's name."""
    return EXAMPLES_IN_ROWS if trainer in SMALL else EXAMPLES_FOR_LARGE_MODELS


def training_rows(
    rows: Sequence[SnapshotRow], examples_in_rows: Sequence[int] = EXAMPLES_IN_ROWS
) -> list[list[Message]]:
    """The training split as chats, in the snapshot's order; the same rows give the same chats."""
    train = [row for row in rows if row.split == Split.TRAIN]
    chats = []
    with closing(_Neighbours(train)) as neighbours:
        for row in train:
            for count in examples_in_rows:
                examples = neighbours.around(row, count)
                chats.append(training_chat(row, examples, _asked(row, examples)))
    return chats


def validation_rows(rows: Sequence[SnapshotRow]) -> list[list[Message]]:
    """The validation split, each row in the form most is trained in; may be empty."""
    kept = [row for row in rows if row.split == Split.VALIDATION]
    with closing(_Neighbours(kept)) as neighbours:
        beside = [(row, neighbours.around(row, EXAMPLES_IN_ROWS[-1])) for row in kept]
        return [training_chat(row, examples, _asked(row, examples)) for row, examples in beside]


def _asked(row: SnapshotRow, examples: Sequence[RetrievedExample]) -> str:
    """
    The question, and beside its own example with words left out.

    Asked in the very words of the example, a model learns to answer from it where the words are
    equal, and not where the question is.
    """
    if not examples:
        return row.question
    drawn = random.Random(f"asked {row.row_hash}")
    words = row.question.split()
    kept = [word for word in words if drawn.random() >= LEFT_OUT]
    if len(kept) < FEWEST_WORDS:
        kept = words[-FEWEST_WORDS:]
    return drawn.choice(OPENINGS) + " ".join(kept)


class _Neighbours:
    """Full-text search over the rows, ranked as serving ranks examples."""

    def __init__(self, rows: Sequence[SnapshotRow]) -> None:
        self._rows = rows
        self._index = sqlite3.connect(":memory:")
        self._index.execute(
            "CREATE VIRTUAL TABLE example_text USING fts5("
            "question, answer, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        self._index.executemany(
            "INSERT INTO example_text (rowid, question, answer) VALUES (?, ?, ?)",
            [(place, row.question, row.answer) for place, row in enumerate(rows)],
        )

    def around(self, row: SnapshotRow, count: int) -> list[RetrievedExample]:
        """``count`` examples: the row's own, and the nearest others, in a fixed random order."""
        if count == 0:
            return []
        others = self._others(row)[: count - 1]
        found = [row, *others]
        random.Random(row.row_hash).shuffle(found)
        return [RetrievedExample(r.example_id, r.question, r.answer, None, 0.0) for r in found]

    def close(self) -> None:
        self._index.close()

    def _others(self, row: SnapshotRow) -> list[SnapshotRow]:
        query = full_text_query(question_words(row.question))
        if not query:
            return []
        places = self._index.execute(
            "SELECT rowid FROM example_text WHERE example_text MATCH ? "
            "ORDER BY bm25(example_text, ?, ?), rowid LIMIT 20",
            (query, QUESTION_WEIGHT, ANSWER_WEIGHT),
        )
        near = [self._rows[place] for (place,) in places]
        return [other for other in near if other.example_id != row.example_id]
