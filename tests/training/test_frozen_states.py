"""What is computed once must not change what is learned from the answers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engines.base_model import BaseModel
from bot.training.base_weights import cached_base
from bot.training.encoding import EncodedRow, encode_row
from bot.training.frozen_states import FrozenStates
from bot.training.hyperparameters import Hyperparameters
from bot.training.learner import lora_config
from bot.training.loss import answer_tokens, batch_loss
from tests.training_job import TINY_ROWS, row

# peft asks transformers in a way transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

ROWS = [*TINY_ROWS, row("Who? " * 20, "Dora, and then it gets longer than the others.")]


@pytest.fixture
def base(tiny_base: BaseModel, models_dir: Path) -> tuple[Any, list[EncodedRow]]:
    weights = cached_base(tiny_base, models_dir)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    return model, [encode_row(tokenizer, messages) for messages in ROWS]


@pytest.mark.parametrize("budget_bytes", [0, 10**9], ids=["nothing-kept", "all-kept"])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_loss_and_gradients_are_those_of_whole_texts(
    base: tuple[Any, list[EncodedRow]], share: float, budget_bytes: int
) -> None:
    model, rows = base
    adapted = _adapted(model, share)
    expected = sum(_loss_of_answer(adapted, each) for each in rows) / answer_tokens(rows)
    expected.backward()
    wanted = _gradients(adapted)
    states = FrozenStates(adapted, rows, budget_bytes)

    for _ in range(2):
        adapted.zero_grad()
        loss, _ = batch_loss(adapted, states, rows)
        loss.backward()

        # Keys and values are kept in half precision.
        assert loss.item() == pytest.approx(expected.item(), rel=1e-3)
        found = _gradients(adapted)
        assert float(torch.cosine_similarity(wanted, found, dim=0)) > 0.9999
        assert float(found.norm() / wanted.norm()) == pytest.approx(1, rel=1e-2)


def test_only_the_upper_layers_carry_the_adapter(base: tuple[Any, list[EncodedRow]]) -> None:
    adapted = _adapted(base[0], 0.5)

    layers = len(adapted.get_base_model().base_model.layers)
    trained = {n.split(".layers.")[1].split(".")[0] for n, t in _trained(adapted)}
    assert trained == {str(layer) for layer in range(layers // 2, layers)}


def _adapted(model: Any, share: float) -> Any:
    settings = Hyperparameters(lora_r=4, lora_alpha=8, trained_share=share)
    adapted = get_peft_model(model, lora_config(settings, model))
    # An adapter that is new does nothing, and hides what acts where it should not.
    torch.manual_seed(0)
    for _, tensor in _trained(adapted):
        torch.nn.init.normal_(tensor, std=0.05)
    return adapted


def _trained(adapted: Any) -> list[tuple[str, torch.Tensor]]:
    return [(name, tensor) for name, tensor in adapted.named_parameters() if tensor.requires_grad]


def _gradients(adapted: Any) -> torch.Tensor:
    return torch.cat([t.grad.flatten() for _, t in _trained(adapted) if t.grad is not None])


def _loss_of_answer(adapted: Any, encoded: EncodedRow) -> torch.Tensor:
    """In the plainest way: the base reads the prompt, the adapted model what follows."""
    with torch.no_grad(), adapted.disable_adapter():
        prompt = torch.tensor([encoded.prompt])
        past = adapted(input_ids=prompt, use_cache=True).past_key_values
    logits = adapted(input_ids=torch.tensor([encoded.adapted]), past_key_values=past).logits[0]
    logits = logits[len(encoded.invocation) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(encoded.answer), reduction="sum")
