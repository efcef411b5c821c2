"""The adapter that is trained, and one step of its training. Runs in the training child."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig

from bot.training.batches import learning_rate
from bot.training.encoding import EncodedRow
from bot.training.frozen_states import FrozenStates
from bot.training.hyperparameters import Hyperparameters
from bot.training.loss import answer_tokens, batch_loss
from bot.training.place import Place


def lora_config(settings: Hyperparameters, model: Any) -> LoraConfig:
    """The adapter's shape, the same for every trainer of this machine; ``model`` is the base."""
    assert settings.lora_r is not None
    assert settings.lora_alpha is not None
    layers = model.base_model.layers
    return LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        target_modules=sorted(
            name.rpartition(".")[2]
            for name, module in layers[0].named_modules()
            if isinstance(module, torch.nn.Linear)
        ),
        layers_to_transform=list(range(_first_trained(settings, len(layers)), len(layers))),
        task_type="CAUSAL_LM",
    )


def _first_trained(settings: Hyperparameters, layers: int) -> int:
    return layers - max(1, math.ceil(layers * settings.trained_share))


class Learner:
    """The optimizer and what a step needs."""

    def __init__(
        self, adapted: Any, settings: Hyperparameters, states: FrozenStates, place: Place
    ) -> None:
        assert settings.learning_rate is not None
        self.adapted = adapted
        self.states = states
        self.place = place
        self._highest = self.rate = settings.learning_rate
        self._trained = [tensor for tensor in adapted.parameters() if tensor.requires_grad]
        self.optimizer = torch.optim.AdamW(self._trained, lr=self._highest, weight_decay=0.0)

    def step(self, rows: Sequence[EncodedRow], step: int, total: int) -> tuple[float, int]:
        """Learn from one batch; return its loss per answer token and how many tokens it has."""
        self.rate = learning_rate(step, total, self._highest)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        loss = self._shared_loss(rows)
        self.place.add_up([loss, *(_gradient(tensor) for tensor in self._trained)])
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss), sum(len(row.adapted) for row in rows)

    def _shared_loss(self, rows: Sequence[EncodedRow]) -> torch.Tensor:
        """This process's part of the batch's mean loss, and its gradients: parts add up."""
        mine = self.place.share(rows)
        if not mine:
            return torch.zeros(1, device=self.place.device)
        loss, _ = batch_loss(self.adapted, self.states, mine)
        loss = loss * (answer_tokens(mine) / answer_tokens(rows))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach().reshape(1)


def _gradient(tensor: torch.Tensor) -> torch.Tensor:
    """Zeros where this process had no row of the batch."""
    if tensor.grad is None:
        tensor.grad = torch.zeros_like(tensor)
    return tensor.grad
