"""The tokens of engines and trainers that have no model: both see the same in the same messages."""

import json
from collections.abc import Sequence
from pathlib import Path

from bot.engines.client import FirstToken, Message
from bot.training.trainer import PARITY_FILE

FIRST = (FirstToken(7, "It", -0.1), FirstToken(9, "The", -2.5))


def ids_of(messages: Sequence[Message]) -> list[int]:
    """One for each word, and four for each turn."""
    return [len(word) for turn in messages for word in (*turn["content"].split(), "", "", "", "")]


def write_seen(folder: Path, rows: Sequence[Sequence[Message]]) -> None:
    """Write down what was seen of the first rows, as a training child does."""
    top = {str(token.id): token.log_prob for token in FIRST}
    seen = [
        {"messages": list(row[:-1]), "tokens": ids_of(row[:-1]), "top": top} for row in rows[:4]
    ]
    (folder / PARITY_FILE).write_text(json.dumps(seen))
