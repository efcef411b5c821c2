"""
What the frozen base model computes of the prompts: keys and values, once for all epochs.

Only answers are adapted (peft calls it activated LoRA), so the state of a prompt never changes
while training goes on, and what all prompts begin with is computed once. Runs in the training
child.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import torch
from transformers import DynamicCache

from bot.training.encoding import EncodedRow

#: Bytes of states that are kept; rows beyond are computed again each time.
BUDGET_BYTES = 500 * 1024 * 1024

State = list[tuple[torch.Tensor, torch.Tensor]]


class PromptStates:
    """Keys and values per layer, each (heads, tokens, size) in float16."""

    def __init__(
        self, adapted: Any, rows: Sequence[EncodedRow], budget_bytes: int = BUDGET_BYTES
    ) -> None:
        """``adapted`` is the peft model; its adapter is off while prompts are read."""
        self._adapted = adapted
        self._room = budget_bytes
        self._kept: dict[tuple[int, ...], State] = {}
        self._prefix = _common_start([row.prompt for row in rows])
        self._prefix_state = self._read(self._prefix, None) if self._prefix else None

    def batch(self, rows: Sequence[EncodedRow]) -> tuple[DynamicCache, torch.Tensor]:
        """
        Return the rows' states, padded on the left, and the mask (rows, tokens) over them.
        """
        states = [self._state(row.prompt) for row in rows]
        longest = max(len(row.prompt) for row in rows)
        cache = DynamicCache()
        for layer in range(len(states[0])):
            keys = torch.stack([_left_pad(state[layer][0], longest) for state in states])
            values = torch.stack([_left_pad(state[layer][1], longest) for state in states])
            cache.update(keys, values, layer)
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            mask[number, longest - len(row.prompt) :] = 1
        return cache, mask

    def _state(self, prompt: tuple[int, ...]) -> State:
        if prompt in self._kept:
            return self._kept[prompt]
        state = self._read(prompt[len(self._prefix) :], self._prefix_state)
        size = sum(part.nbytes for pair in state for part in pair)
        if size <= self._room:
            self._room -= size
            self._kept[prompt] = state
        return state

    @torch.no_grad()
    def _read(self, tokens: tuple[int, ...], before: State | None) -> State:
        """Let the base model read some tokens after ``before``; return the state of both."""
        cache: Any = DynamicCache()
        for layer, (keys, values) in enumerate(before or []):
            cache.update(keys.float()[None], values.float()[None], layer)
        with self._adapted.disable_adapter():
            # The model without its output layer: nobody asks for logits here.
            self._adapted.get_base_model().base_model(
                input_ids=torch.tensor([tokens]), past_key_values=cache, use_cache=True
            )
        # Half the memory; what is lost is far below what quantising the served file loses.
        return [(layer.keys[0].half(), layer.values[0].half()) for layer in cache.layers]


def _common_start(prompts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What all prompts begin with; never all of one, so that each has something left to read."""
    columns = zip(*(prompt[:-1] for prompt in prompts), strict=False)
    return tuple(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))


def _left_pad(part: torch.Tensor, tokens: int) -> torch.Tensor:
    """(heads, n, size) in float16 → (heads, tokens, size) in float32."""
    heads, present, size = part.shape
    padded = torch.zeros(heads, tokens, size)
    padded[:, tokens - present :] = part
    return padded
