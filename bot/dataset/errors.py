"""
Why a data set cannot be trained on, or a file not be taken in.

BotError
├── FileRefusedError         a file that is not what it was said to be
│   └── NoRowsError          a file that has nothing in it
├── RowsRefusedError         rows that cannot be kept; names each of them
└── ExportRefusedError       a place that cannot be written to

TrainingError
├── NotEnoughExamplesError   too few rows; says how many are needed
├── EmptyExampleError        an example without a question or an answer
├── ExampleTooLongError      an example that exceeds the model's context
├── LeakageError             a question that is trained and held out
└── RightsWithdrawnError     rows whose sources nobody attests any more
"""

from collections.abc import Sequence

from bot.errors import BotError, TrainingError

#: So many rows are named; who has more of them wrong corrects the file as a whole.
SHOWN_ROWS = 20


class FileRefusedError(BotError):
    """Raised when a file cannot be read as what it was said to be; nothing was kept of it."""


class NoRowsError(FileRefusedError):
    """Raised when a file was read to its end and there was no row in it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no rows.")


class RowsRefusedError(BotError):
    """Raised when rows of a file cannot be kept; ``problems`` are by row number."""

    def __init__(self, name: str, problems: Sequence[tuple[int, str]], total: int) -> None:
        shown = [f"  Row {number}: {what}" for number, what in problems[:SHOWN_ROWS]]
        if total > len(shown):
            shown.append(f"  … and {total - len(shown)} more.")
        count = "1 row" if total == 1 else f"{total:,} rows"
        super().__init__(
            f"{name} was not imported, nothing of it was kept: {count} cannot be.\n"
            + "\n".join(shown)
            + "\nCorrect them and import it again, or leave them out with --skip-bad-rows."
        )
        self.problems = list(problems)
        self.total = total


class ExportRefusedError(BotError):
    """Raised when the file asked for cannot be written."""


class NotEnoughExamplesError(TrainingError):
    """Raised when there is too little to train on; ``left_out`` were found but not attested."""

    def __init__(self, found: int, needed: int, left_out: int = 0) -> None:
        hidden = (
            f" {left_out} more were left out because nobody attested that their source may be "
            "trained on."
            if left_out
            else ""
        )
        super().__init__(
            f"There {'is' if found == 1 else 'are'} {found} approved "
            f"example{'' if found == 1 else 's'} to train on, at least {needed} are needed."
            f"{hidden} Mark good answers with ✅ or use `/apprentice add`."
        )
        self.found = found
        self.needed = needed
        self.left_out = left_out


class EmptyExampleError(TrainingError):
    """Raised when an example has nothing to learn in it."""

    def __init__(self, example_id: int, part: str) -> None:
        super().__init__(
            f"Example {example_id} has no {part}. Correct it or withdraw it, then train again."
        )
        self.example_id = example_id
        self.part = part


class ExampleTooLongError(TrainingError):
    """Raised when one example does not fit the model's context; sizes are in tokens."""

    def __init__(self, example_id: int, beginning: str, tokens: int, limit: int) -> None:
        super().__init__(
            f"Example {example_id} (“{beginning}”) has {tokens} tokens, the model takes {limit}. "
            "Shorten its answer or withdraw it, then train again."
        )
        self.example_id = example_id
        self.tokens = tokens
        self.limit = limit


class LeakageError(TrainingError):
    """Raised when held-out questions are trained too: their answers would prove nothing."""

    def __init__(self, example_ids: Sequence[int]) -> None:
        named = ", ".join(str(example_id) for example_id in example_ids[:SHOWN_ROWS])
        super().__init__(
            f"Questions of these examples are held out and, in the same words, trained: {named}. "
            "Train again: a new snapshot keeps them apart."
        )
        self.example_ids = list(example_ids)


class RightsWithdrawnError(TrainingError):
    """Raised when less is attested now than when the data set was frozen."""

    def __init__(self, sources: Sequence[str], trainer: str) -> None:
        super().__init__(
            f"The data set holds rows from {', '.join(sources)}, which nobody attests any more. "
            f"Type `/apprentice train {trainer}` to train without them."
        )
        self.sources = list(sources)
