"""Reading prompts once must not change what is learned from the answers."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engines.base_model import BaseModel
from bot.training.base_weights import cached_base
from bot.training.batches import IGNORED, collate
from bot.training.encoding import EncodedRow, encode_row
from bot.training.prompt_states import PromptStates
from tests.training_job import TINY_ROWS, row

# peft asks transformers in a way transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

#: Keys and values are kept in half precision.
TOLERANCE = 0.05
ROWS = [*TINY_ROWS, row("Who? " * 20, "Dora, and then it gets longer than the others.")]


@pytest.mark.parametrize("budget_bytes", [0, 10**9])
def test_answers_after_kept_prompts_score_as_whole_texts_do(
    tiny_base: BaseModel, models_dir: Path, budget_bytes: int
) -> None:
    weights = cached_base(tiny_base, models_dir)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    rows = [encode_row(tokenizer, messages) for messages in ROWS]
    whole = [_log_probs_of_answer(model, encoded) for encoded in rows]
    adapted = get_peft_model(
        model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    )

    states = PromptStates(adapted, rows, budget_bytes)
    for _ in range(2):
        split = _log_probs_of_batch(adapted, states, rows)

        for expected, found in zip(whole, split, strict=True):
            assert float((expected - found).abs().max()) < TOLERANCE


@torch.no_grad()
def _log_probs_of_answer(model: torch.nn.Module, encoded: EncodedRow) -> torch.Tensor:
    ids = torch.tensor([encoded.prompt + encoded.adapted])
    log_probs = torch.log_softmax(model(ids).logits[0, :-1], dim=-1)
    return log_probs.gather(1, ids[0, 1:, None])[-len(encoded.answer) :, 0]


@torch.no_grad()
def _log_probs_of_batch(
    adapted: torch.nn.Module, states: PromptStates, rows: list[EncodedRow]
) -> list[torch.Tensor]:
    batch = collate(rows)
    past, past_mask = states.batch(rows)
    logits = adapted(
        input_ids=batch.ids,
        attention_mask=torch.cat([past_mask, batch.mask], dim=1),
        position_ids=batch.positions,
        past_key_values=past,
        use_cache=True,
    ).logits
    found = []
    for number in range(len(rows)):
        learned = batch.targets[number] != IGNORED
        log_probs = torch.log_softmax(logits[number, learned], dim=-1)
        found.append(log_probs.gather(1, batch.targets[number, learned, None])[:, 0])
    return found
