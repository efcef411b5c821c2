"""Where a run computes, as far as that can be seen without a GPU."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engines.base_model import BaseModel
from bot.training.base_weights import cached_base
from bot.training.encoding import encode_row
from bot.training.frozen_states import FrozenStates
from bot.training.hyperparameters import Hyperparameters
from bot.training.learner import lora_config
from bot.training.loss import batch_loss
from bot.training.place import Place, compute_again, precision
from tests.training_job import TINY_ROWS

# peft asks transformers in a way transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.mark.parametrize(
    ("device", "has_bf16", "expected"),
    [
        ("cuda", True, torch.bfloat16),
        ("cuda", False, torch.float32),
        ("mps", True, torch.bfloat16),
        ("mps", False, torch.float32),
        ("cpu", True, torch.float32),
    ],
)
def test_only_gpus_that_can_compute_in_bf16(device, has_bf16, expected):
    assert precision(device, has_bf16=has_bf16) == expected


def test_a_small_batch_leaves_some_processes_without_rows():
    places = [Place(torch.device("cpu"), rank=rank, count=3) for rank in range(3)]

    assert [list(place.share(["a", "b"])) for place in places] == [["a"], ["b"], []]


def test_computing_again_changes_no_gradient(tiny_base: BaseModel, models_dir: Path):
    kept = _gradients(tiny_base, models_dir, again=False)
    computed_again = _gradients(tiny_base, models_dir, again=True)

    assert kept.keys() == computed_again.keys()
    for name, gradient in kept.items():
        assert torch.allclose(gradient, computed_again[name], atol=1e-6), name


def test_a_base_in_bf16_gives_nearly_the_same_gradients(tiny_base: BaseModel, models_dir: Path):
    whole = _gradients(tiny_base, models_dir, again=False)
    half = _gradients(tiny_base, models_dir, again=True, dtype=torch.bfloat16)

    flat, other = (torch.cat([g.flatten() for g in found.values()]) for found in (whole, half))
    assert other.dtype == torch.float32
    assert float(torch.cosine_similarity(flat, other, dim=0)) > 0.95


def _gradients(
    base: BaseModel, models_dir: Path, *, again: bool, dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    weights = cached_base(base, models_dir)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=dtype)
    adapted = get_peft_model(model, lora_config(Hyperparameters(lora_r=4, lora_alpha=8), model))
    if again:
        compute_again(adapted)
    rows = [encode_row(tokenizer, messages) for messages in TINY_ROWS]
    loss, _ = batch_loss(adapted, FrozenStates(adapted, rows), rows)
    loss.backward()
    return {n: t.grad.clone() for n, t in adapted.named_parameters() if t.grad is not None}
