"""
Rows of messages as token ids, cut where the adapter begins to act.

Runs in the training child: the tokenizer is transformers'. The ids equal what the engine makes
of the same messages; a test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.engines.client import Message
from bot.training.errors import RowTooLongError


@dataclass(frozen=True)
class EncodedRow:
    """
    One row. ``prompt`` is read by the base model; on ``invocation`` and ``answer`` the adapter
    acts; ``answer`` is what is learned and ends with the token that ends the turn.
    """

    prompt: tuple[int, ...]
    invocation: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def adapted(self) -> tuple[int, ...]:
        return self.invocation + self.answer


def invocation_tokens(tokenizer: Any) -> tuple[int, ...]:
    """Return the tokens with which the chat template begins an answer."""
    asked: list[Message] = [{"role": "user", "content": "?"}]
    without = _render(tokenizer, asked, begin_answer=False)
    with_ = _render(tokenizer, asked, begin_answer=True)
    return _ids(tokenizer, with_.removeprefix(without))


def encode_row(tokenizer: Any, row: Sequence[Message]) -> EncodedRow:
    """Encode one row, whose last message is the answer to learn."""
    invocation = invocation_tokens(tokenizer)
    asked = _render(tokenizer, row[:-1], begin_answer=True)
    prompt = _ids(tokenizer, asked)
    answered = _render(tokenizer, row, begin_answer=False).removeprefix(asked)
    answer = _ids(tokenizer, answered)
    if tokenizer.eos_token_id in answer:
        # The template goes on after the end of the turn; the model never writes that.
        answer = answer[: answer.index(tokenizer.eos_token_id) + 1]
    split = len(prompt) - len(invocation)
    assert prompt[split:] == invocation, "the template begins answers differently from row to row"
    return EncodedRow(prompt[:split], invocation, answer)


def encode_rows(chats: Sequence[Sequence[Message]], tokenizer: Any, limit: int) -> list[EncodedRow]:
    """
    Encode all rows.

    Raises:
        RowTooLongError: one has more than ``limit`` tokens.
    """
    rows = [encode_row(tokenizer, chat) for chat in chats]
    for number, row in enumerate(rows, start=1):
        tokens = len(row.prompt) + len(row.adapted)
        if tokens > limit:
            raise RowTooLongError(number, tokens, limit)
    return rows


def _render(tokenizer: Any, messages: Sequence[Message], *, begin_answer: bool) -> str:
    text = tokenizer.apply_chat_template(
        [dict(message) for message in messages],
        tokenize=False,
        add_generation_prompt=begin_answer,
    )
    assert isinstance(text, str)
    return text


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
