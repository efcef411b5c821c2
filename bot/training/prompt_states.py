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
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from bot.training.encoding import EncodedRow

#: Bytes of states that are kept; rows beyond are computed again each time.
BUDGET_BYTES = 500 * 1024 * 1024

State = list[tuple[torch.Tensor, torch.Tensor]]


class PromptStates:
    """
    Keys and values per layer, each (heads, tokens, size) in two bytes a number, kept in the
    machine's own memory wherever the model is.
    """

    def __init__(
        self, adapted: Any, rows: Sequence[EncodedRow], budget_bytes: int = BUDGET_BYTES
    ) -> None:
        """``adapted`` is the peft model; its adapter is off while prompts are read."""
        self._adapted = adapted
        self._device, self._dtype = adapted.device, adapted.dtype
        self._room = budget_bytes
        self._kept: dict[tuple[int, ...], State] = {}
        self._prefix = _common_start([row.prompt for row in rows])
        self._prefix_state = self._read(self._prefix, None) if self._prefix else None

    def batch(self, rows: Sequence[EncodedRow]) -> tuple[Cache, torch.Tensor]:
        """
        Return the rows' states, padded on the left, and the mask (rows, tokens) over them.
        """
        states = [self._state(row.prompt) for row in rows]
        longest = max(len(row.prompt) for row in rows)
        layers: list[Any] = [
            _Read(
                *(
                    self._stacked([state[layer][part] for state in states], longest)
                    for part in (0, 1)
                )
            )
            for layer in range(len(states[0]))
        ]
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            mask[number, longest - len(row.prompt) :] = 1
        return Cache(layers=layers), mask.to(self._device)

    def _stacked(self, parts: list[torch.Tensor], tokens: int) -> torch.Tensor:
        """[(heads, n, size)] → (rows, heads, tokens, size), padded on the left."""
        heads, _, size = parts[0].shape
        stacked = torch.zeros(len(parts), heads, tokens, size, dtype=self._dtype)
        for number, part in enumerate(parts):
            stacked[number, :, tokens - part.shape[1] :] = part
        return stacked.to(self._device)

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
            cache.update(
                *(part.to(self._device, self._dtype)[None] for part in (keys, values)), layer
            )
        with self._adapted.disable_adapter():
            # The model without its output layer: nobody asks for logits here.
            self._adapted.get_base_model().base_model(
                input_ids=torch.tensor([tokens], device=self._device),
                past_key_values=cache,
                use_cache=True,
            )
        # Half the memory; what is lost is far below what quantising the served file loses.
        short = torch.float16 if self._dtype == torch.float32 else self._dtype
        return [
            (layer.keys[0].to("cpu", short), layer.values[0].to("cpu", short))
            for layer in cache.layers
        ]


class _Read(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's states of the prompts: what is computed after them is not added to them."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys: torch.Tensor = keys
        self.values: torch.Tensor = values
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states of prompt and answer, and keep those of the prompt alone."""
        return (
            torch.cat([self.keys, key_states], dim=-2),
            torch.cat([self.values, value_states], dim=-2),
        )


def _common_start(prompts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What all prompts begin with; never all of one, so that each has something left to read."""
    columns = zip(*(prompt[:-1] for prompt in prompts), strict=False)
    return tuple(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))
