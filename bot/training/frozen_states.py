"""
What never changes while an adapter is trained, computed once for all epochs.

Only answers are adapted (peft calls it activated LoRA), and only in the upper layers. So the keys
and values of a prompt stay as the base model made them, and so does what the layers below the
adapter make of an answer. What all prompts begin with is read once. Runs in the training child.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from bot.training.encoding import EncodedRow

#: Bytes of states that are kept; rows beyond are computed again each time.
BUDGET_BYTES = 500 * 1024 * 1024

Prompt = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Start:
    """
    Where training begins: what enters the trained layers, (rows, tokens, size), padded on the
    right; the prompts' states there, padded on the left; the mask (rows, tokens) over these.
    """

    hidden: torch.Tensor
    past: Cache
    past_mask: torch.Tensor


class FrozenStates:
    """
    Per row and layer keys and values, each (heads, tokens, size), in two bytes a number; and what
    enters the first trained layer. Kept in the machine's own memory wherever the model is.
    """

    def __init__(
        self, adapted: Any, rows: Sequence[EncodedRow], budget_bytes: int = BUDGET_BYTES
    ) -> None:
        """``adapted`` is the peft model; its adapter is off while the base reads."""
        self._adapted = adapted
        self._device, self._dtype = adapted.device, adapted.dtype
        self._room = budget_bytes
        self._kept: dict[EncodedRow, tuple[torch.Tensor, Prompt]] = {}
        inner = adapted.get_base_model().base_model
        self._first = min(adapted.peft_config["default"].layers_to_transform or [0])
        self._layers = len(inner.layers)
        self._below = _layers_of(inner, 0, self._first)
        self._below.norm = torch.nn.Identity()
        #: The layers that are trained and the norm after them, without the output layer.
        self.trained_layers = _layers_of(inner, self._first, self._layers)
        self._prefix = _common_start([row.prompt for row in rows])
        self._prefix_state = (
            self._shortened(self._read(self._prefix, (), None)[1]) if self._prefix else None
        )

    def batch(self, rows: Sequence[EncodedRow]) -> Start:
        """Return what a step over ``rows`` begins with."""
        states = [self._state(row) for row in rows]
        longest = max(len(row.prompt) for row in rows)
        prompts = [prompt for _, prompt in states]
        layers: list[Any] = [
            _Read(*(self._stacked([p[layer][part] for p in prompts], longest) for part in (0, 1)))
            for layer in range(len(prompts[0]))
        ]
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            mask[number, longest - len(row.prompt) :] = 1
        entering = torch.nn.utils.rnn.pad_sequence(
            [hidden for hidden, _ in states], batch_first=True
        )
        return Start(
            entering.to(self._device, self._dtype),
            Cache(layers=self._counted_from_below(layers)),
            mask.to(self._device),
        )

    def _stacked(self, parts: list[torch.Tensor], tokens: int) -> torch.Tensor:
        """[(heads, n, size)] → (rows, heads, tokens, size), padded on the left."""
        heads, _, size = parts[0].shape
        stacked = torch.zeros(len(parts), heads, tokens, size, dtype=self._dtype)
        for number, part in enumerate(parts):
            stacked[number, :, tokens - part.shape[1] :] = part
        return stacked.to(self._device)

    def _state(self, row: EncodedRow) -> tuple[torch.Tensor, Prompt]:
        if row in self._kept:
            return self._kept[row]
        rest = row.prompt[len(self._prefix) :]
        hidden, layers = self._read(rest, row.adapted, self._prefix_state)
        prompt = self._shortened(layers[self._first :])
        size = hidden.nbytes + sum(part.nbytes for pair in prompt for part in pair)
        if size <= self._room:
            self._room -= size
            self._kept[row] = hidden, prompt
        return hidden, prompt

    @torch.no_grad()
    def _read(
        self, prompt: tuple[int, ...], answer: tuple[int, ...], before: Prompt | None
    ) -> tuple[torch.Tensor, list[Any]]:
        """
        Let the base model read some tokens after ``before``, and the lower layers the answer too.

        Returns what the answer is where the trained layers begin, and all layers with the prompt's
        state; with an answer, those below the trained ones hold that as well.
        """
        layers: list[Any] = [DynamicLayer() for _ in range(self._layers)]  # type: ignore[no-untyped-call]
        for layer, state in zip(layers, before or [], strict=False):
            layer.update(*(part.to(self._device, self._dtype)[None] for part in state))
        ids = torch.tensor([prompt + answer], device=self._device)
        with self._adapted.disable_adapter():
            read = self._below(input_ids=ids, past_key_values=Cache(layers=layers), use_cache=True)
            hidden = read.last_hidden_state
            above = self._counted_from_below(layers[self._first :])
            self.trained_layers(
                inputs_embeds=hidden[:, : len(prompt)],
                past_key_values=Cache(layers=above),
                use_cache=True,
            )
        return hidden[0, len(prompt) :].to("cpu").clone(), layers

    def _shortened(self, layers: list[Any]) -> Prompt:
        """Half the memory; what is lost is far below what quantising the served file loses."""
        short = torch.float16 if self._dtype == torch.float32 else self._dtype
        return [
            (layer.keys[0].to("cpu", short), layer.values[0].to("cpu", short)) for layer in layers
        ]

    def _counted_from_below(self, layers: list[Any]) -> list[Any]:
        """Each layer at its number in the whole model: transformers asks the first for lengths."""
        return [layers[0]] * self._first + layers


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


def _layers_of(inner: Any, first: int, stop: int) -> Any:
    """The same model, sharing all weights, with only some of its layers."""
    part = copy.copy(inner)
    part._modules = dict(inner._modules)
    part.layers = inner.layers[first:stop]
    return part


def _common_start(prompts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What all prompts begin with; never all of one, so that each has something left to read."""
    columns = zip(*(prompt[:-1] for prompt in prompts), strict=False)
    return tuple(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))
