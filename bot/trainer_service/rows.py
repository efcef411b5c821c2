"""
Reading a training file: JSON lines of chats, each refused with its line's number.

Pure. A row with several answers is trained once for each, as OpenAI counts them; an answer of
weight 0 is context only.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.engines.client import Message

ROLES = {"system", "developer", "user", "assistant"}
KNOWN = {"role", "content", "name", "weight"}


class RowError(Exception):
    """Raised for a line nobody can train on; says which and why. ``param`` is of which file."""

    param = "training_file"

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"Line {line}: {problem}")
        self.line = line


def read_rows(path: Path) -> list[tuple[int, list[Message]]]:
    """
    Return ``(line, chat)`` for every answer to learn; each chat ends with its answer.

    Raises:
        RowError: a line is wrong.
    """
    rows: list[tuple[int, list[Message]]] = []
    # Azure's files begin with a byte-order mark; nobody else's need it.
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if raw.strip():
                rows += [(number, chat) for chat in _chats(number, raw)]
    return rows


def _chats(number: int, raw: bytes) -> Iterator[list[Message]]:
    try:
        row = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise RowError(number, "it is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise RowError(number, f"it is not JSON ({error.msg}).") from None
    except (ValueError, RecursionError):
        # A number of thousands of digits, or lists in lists in lists.
        raise RowError(number, "it is JSON of a size or depth that nobody reads.") from None
    turns = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(turns, list) or not turns:
        raise RowError(number, 'it needs a list "messages" with at least one message.')
    messages = [_message(number, place, turn) for place, turn in enumerate(turns, start=1)]
    answers = [
        place
        for place, turn in enumerate(turns)
        if turn["role"] == "assistant" and turn.get("weight", 1) != 0
    ]
    if not answers:
        raise RowError(number, "there is no message of the assistant to learn.")
    if turns[-1]["role"] != "assistant":
        raise RowError(number, "the last message must be the assistant's.")
    for place in answers:
        yield messages[: place + 1]


def _message(number: int, place: int, turn: Any) -> Message:
    where = f"message {place}"
    if not isinstance(turn, dict):
        raise RowError(number, f"{where} is not an object.")
    if unknown := sorted(set(turn) - KNOWN):
        raise RowError(
            number, f'{where} has the key "{unknown[0][:40]}", which cannot be trained on.'
        )
    if not isinstance(turn.get("role"), str) or turn["role"] not in ROLES:
        raise RowError(number, f"{where} has the role {str(turn.get('role'))[:40]!r}.")
    if turn.get("weight", 1) not in (0, 1):
        raise RowError(number, f"{where} has the weight {str(turn['weight'])[:40]}; it is 0 or 1.")
    content = turn.get("content")
    if not isinstance(content, str) or (turn["role"] == "assistant" and not content.strip()):
        raise RowError(number, f"{where} needs text as its content.")
    if not _is_unicode(content):
        raise RowError(number, f"{where} holds half a character, as it stands in no text.")
    role = turn["role"]
    if role in ("system", "developer"):
        return Message(role="system", content=content)
    return Message(role="user" if role == "user" else "assistant", content=content)


def _is_unicode(text: str) -> bool:
    """JSON can write the first half of an emoji; no file can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
