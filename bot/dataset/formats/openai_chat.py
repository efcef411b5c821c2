"""OpenAI's chat format: ``{"messages": [{"role", "content"}, …]}``, the last one the answer."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.dataset.formats import jsonl, metadata
from bot.dataset.formats.jsonl import Json
from bot.dataset.record import ROLES, Record, Row, RowError, Turn

#: What belongs to a message; anything else is a mistake in the file.
KNOWN_KEYS = frozenset({"role", "content", "name", "weight", "refusal", "tool_calls"}) | {
    "function_call",
    "tool_call_id",
    "audio",
}
_NO_TOOLS = "calls tools, which examples here cannot hold. Leave this row out"


def read(path: Path, encoding: str = "") -> Iterator[Row]:
    return jsonl.rows(path, encoding, parse)


def parse(row: Json) -> Record:
    """
    Raises:
        RowError: it is no chat that ends with an answer to a question.
    """
    if row.get("tools") or row.get("functions"):
        raise RowError(f"it {_NO_TOOLS}.")
    if "messages" not in row:
        raise RowError("`messages` is missing.")
    turns = messages(row["messages"])
    question, answer = _last_two(turns)
    record = Record(question["content"], answer["content"], tuple(turns[:-2]))
    return metadata.read(record, row.get(metadata.KEY))


def dump(record: Record, *, plain: bool = False) -> Json:
    """``plain`` leaves our own key out, for whoever refuses unknown keys."""
    row: Json = {"messages": [*prompt(record), {"role": "assistant", "content": record.answer}]}
    return row if plain else row | {metadata.KEY: metadata.of(record)}


def prompt(record: Record) -> list[Turn]:
    return [*record.context, {"role": "user", "content": record.question}]


def messages(found: object) -> list[Turn]:
    """
    Check a list of messages and return them with nothing but role, content and weight.

    Raises:
        RowError: names the message that cannot be read.
    """
    if not isinstance(found, list) or not found:
        raise RowError("`messages` has to be a list with messages in it.")
    return [_message(message, number) for number, message in enumerate(found, start=1)]


def _message(message: object, number: int) -> Turn:
    if not isinstance(message, dict):
        raise RowError(f"message {number} is not an object.")
    if unknown := sorted(set(message) - KNOWN_KEYS):
        raise RowError(f"message {number} has the unknown key `{unknown[0]}`.")
    role = message.get("role")
    is_tool = role in ("tool", "function") or message.get("tool_calls")
    if is_tool or message.get("function_call"):
        raise RowError(f"message {number} {_NO_TOOLS}.")
    if role not in ROLES:
        raise RowError(f"message {number} has the role {role!r}; there are {', '.join(ROLES)}.")
    if message.get("audio"):
        raise RowError(f"message {number} holds sound, and examples here are text.")
    turn = {"role": role, "content": _content(message.get("content"), number)}
    return turn | _weight(message, number)


def _content(content: object, number: int) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        return "".join(_part(part, number) for part in content)
    raise RowError(f"message {number} has no text in `content`.")


def _part(part: object, number: int) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        text: str = part["text"]
        return text
    kind = part.get("type") if isinstance(part, dict) else part
    raise RowError(f"message {number} holds {kind!r}, and examples here are text.")


def _weight(message: dict[str, Any], number: int) -> dict[str, int]:
    """A weight of 0 keeps an earlier turn from being learned, as none of them is here."""
    if message.get("weight") is None:
        return {}
    if message["weight"] not in (0, 1) or message.get("role") != "assistant":
        raise RowError(f"message {number} has a weight that is not 0 or 1, or is no answer.")
    return {} if message["weight"] else {"weight": 0}


def _last_two(turns: Sequence[Turn]) -> tuple[Turn, Turn]:
    if turns[-1]["role"] != "assistant":
        raise RowError("the last message is not the assistant's, so there is no answer to learn.")
    if turns[-1].get("weight") == 0:
        raise RowError("its answer has weight 0, so there is nothing to learn. Leave this row out.")
    if len(turns) < 2 or turns[-2]["role"] != "user":
        raise RowError("no user's message stands before the answer.")
    return turns[-2], turns[-1]
