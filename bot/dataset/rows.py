"""
Examples as the rows of a snapshot, in their final order and with their hashes. Pure.

A plan holds what orders and proves the rows; the rows themselves are made from it a page at a
time, so that of a large data set only the questions are in memory.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from bot.dataset.splits import splits_of, words_of
from storage.tables import SnapshotRow, Source, Split, WordingUse

_SPLITS = tuple(Split)
_SPLIT_ORDER = {split: place for place, split in enumerate(_SPLITS)}


class Question(Protocol):
    """What chooses the splits: an ``Example``, or a plain row with the same columns."""

    @property
    def id(self) -> int | None: ...
    @property
    def question(self) -> str: ...


class Material(Question, Protocol):
    """What a row needs of an example besides."""

    @property
    def context(self) -> list[dict[str, Any]]: ...
    @property
    def answer(self) -> str: ...
    @property
    def question_source(self) -> Source: ...
    @property
    def answer_source(self) -> Source: ...


class OtherWording(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def use(self) -> WordingUse: ...


class Planned(NamedTuple):
    """A row to be; sorts as the rows do, by content before id. A tuple compares fastest."""

    order: int
    row_hash: str
    example_id: int
    question: str

    @property
    def split(self) -> Split:
        return _SPLITS[self.order]


def plan_rows(
    questions: Iterable[Question],
    wordings: Mapping[int, Sequence[OtherWording]],
    examples: Iterable[Material],
) -> list[Planned]:
    """
    Choose the rows of all splits, and put them into their order.

    ``examples`` are read once, in any order; one that is not among the questions is left out.
    """
    asked = {_id(each): each.question for each in questions}
    splits = splits_of(
        {id_: [text, *(o.text for o in wordings.get(id_, ()))] for id_, text in asked.items()}
    )
    trained = _trained_words(asked, wordings, splits)
    planned: list[Planned] = []
    for example in examples:
        if (split := splits.get(_id(example))) is None:
            continue
        planned.append(_plan(example, example.question, split))
        if split is not Split.TRAIN:
            continue
        for other in wordings.get(_id(example), ()):
            if other.use == WordingUse.TRAINING:
                planned.append(_plan(example, other.text, Split.TRAIN))
            elif words_of(other.text) not in trained:
                planned.append(_plan(example, other.text, Split.HELD_OUT_WORDING))
    # By content, not by id: the same data set brought to another machine keeps its hash.
    planned.sort()
    return planned


def row_values(team_id: str, planned: Planned, example: Material) -> dict[str, Any]:
    """
    The columns of its row; which snapshot and which place are set when it is kept.

    Plain values: a hundred thousand objects of the session take half the time of a snapshot.
    """
    return {
        "team_id": team_id,
        "split": planned.split,
        "example_id": planned.example_id,
        "question": planned.question,
        "context": example.context,
        "answer": example.answer,
        "question_source": example.question_source.value,
        "answer_source": example.answer_source.value,
        "row_hash": planned.row_hash,
        "erased": False,
    }


def build_rows(
    team_id: str, examples: Sequence[Material], wordings: Mapping[int, Sequence[OtherWording]]
) -> list[SnapshotRow]:
    """Make all rows at once, in their final order."""
    by_id = {_id(example): example for example in examples}
    return [
        SnapshotRow(
            **row_values(team_id, planned, by_id[planned.example_id]), snapshot_id=0, position=0
        )
        for planned in plan_rows(examples, wordings, examples)
    ]


def row_hash(row: SnapshotRow) -> str:
    """SHA-256 over what is learned from the row and where it stands, in hexadecimal."""
    sources = (row.question_source, row.answer_source)
    return _hash(row.split, row.question, row.context, row.answer, sources)


def snapshot_hash(rows: Iterable[SnapshotRow | Planned]) -> str:
    """SHA-256 over the ordered row hashes, in hexadecimal."""
    digest = hashlib.sha256()
    for place, row in enumerate(rows):
        digest.update(f"{chr(10) if place else ''}{row.row_hash}".encode())
    return digest.hexdigest()


def _plan(example: Material, question: str, split: Split) -> Planned:
    sources = (example.question_source.value, example.answer_source.value)
    found = _hash(split, question, example.context, example.answer, sources)
    return Planned(_SPLIT_ORDER[split], found, _id(example), question)


def _hash(
    split: Split, question: str, context: list[dict[str, Any]], answer: str, sources: Sequence[str]
) -> str:
    content = {
        "split": split,
        "question": question,
        "context": context,
        "answer": answer,
        "question_source": sources[0],
        "answer_source": sources[1],
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _trained_words(
    asked: Mapping[int, str],
    wordings: Mapping[int, Sequence[OtherWording]],
    splits: Mapping[int, Split],
) -> set[str]:
    """Of other wordings those that are trained: none is worth holding out, whoever asked it."""
    others = {words_of(other.text) for some in wordings.values() for other in some}
    return others.intersection(
        words_of(text)
        for id_, question in asked.items()
        if others and splits[id_] is Split.TRAIN
        for text in (question, *_trained_wordings(wordings.get(id_, ())))
    )


def _trained_wordings(wordings: Sequence[OtherWording]) -> Iterator[str]:
    return (other.text for other in wordings if other.use == WordingUse.TRAINING)


def _id(example: Question) -> int:
    assert example.id is not None
    return example.id
