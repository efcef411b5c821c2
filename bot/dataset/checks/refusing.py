"""What must hold of a snapshot's rows before anybody trains on them. Pure."""

from collections.abc import Callable, Sequence

from bot.dataset.checks.examining import Examination, Item
from bot.dataset.errors import (
    EmptyExampleError,
    ExampleTooLongError,
    LeakageError,
    NotEnoughExamplesError,
)
from storage.tables import SnapshotRow, Split

#: Fewer examples than this teach a model nothing that the prompt could not carry.
FEWEST_EXAMPLES = 8
_BEGINNING = 60


def check_rows(
    rows: Sequence[SnapshotRow],
    count_tokens: Callable[[SnapshotRow], int],
    limit: int,
    left_out: int = 0,
) -> dict[str, int]:
    """
    Refuse what cannot be trained; ``limit`` is the model's context in tokens.

    Returns how many warnings there are of each kind: duplicates, contradictions, …

    Raises:
        NotEnoughExamplesError: too few different examples in the training split.
        EmptyExampleError: a question or an answer without a word.
        ExampleTooLongError: question, context and answer together exceed the context.
        LeakageError: a question is trained and held out in the same words.
    """
    train = [row for row in rows if row.split == Split.TRAIN]
    found = len({row.example_id for row in train})
    if found < FEWEST_EXAMPLES:
        raise NotEnoughExamplesError(found, FEWEST_EXAMPLES, left_out)
    for row in train:
        check_not_empty(row)
    for row in train:
        # A token is at least one byte: only long rows are worth asking the tokenizer for.
        if _bytes(row) > limit // 2 and (tokens := count_tokens(row)) > limit:
            beginning = row.question.strip().splitlines()[0][:_BEGINNING]
            raise ExampleTooLongError(row.example_id, beginning, tokens, limit)
    return _warnings(rows, limit)


def _warnings(rows: Sequence[SnapshotRow], limit: int) -> dict[str, int]:
    # Sizes were checked above, with the engine and only where it can matter.
    examination = Examination(lambda item: 0, limit)
    for row in rows:
        examination.look_at(Item(row.example_id, row.question, row.answer, row.context, row.split))
    examination.conclude(is_file=False)
    leaks = [found.row for found in examination.findings.listed if found.kind == "leakage"]
    if leaks:
        raise LeakageError([row for row in leaks if row is not None])
    return dict(examination.findings.counts)


def check_not_empty(row: SnapshotRow) -> None:
    """
    Raises:
        EmptyExampleError: a question or an answer without a word.
    """
    for part, text in (("question", row.question), ("answer", row.answer)):
        if not text.strip():
            raise EmptyExampleError(row.example_id, part)


def _bytes(row: SnapshotRow) -> int:
    turns = "".join(str(turn.get("content", "")) for turn in row.context)
    return len((row.question + turns + row.answer).encode("utf-8", "surrogatepass"))
