"""
Learning which of two answers is preferred: TRL's ``DPOTrainer``, after the rows are learned.

Goes on from the adapter that was trained, which is also what it is held near to. Runs in the
training child; needs ``requirements-trl.txt``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from trl import DPOConfig, DPOTrainer

from bot.engines.client import Message
from bot.training.encoding import encode_row, invocation_tokens
from bot.training.hyperparameters import Hyperparameters
from bot.training.learner import lora_config
from bot.training.place import Place

#: How far the model may move from what it was for the sake of a preference.
BETA = 0.1
PASSES = 3
BATCH_SIZE = 4
#: Of the rate at which rows were learned: preferences unlearn more easily than they teach.
SHARE_OF_RATE = 0.1


@dataclass(frozen=True)
class Pair:
    """A prompt with the answer that people want and one that they corrected, as token ids."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


def encode_pairs(
    pairs: Sequence[tuple[list[Message], str]], tokenizer: Any, limit: int
) -> list[Pair]:
    """Leave out those that do not fit the model: the rows, which do, are learned anyway."""
    found = []
    for chat, wrong in pairs:
        right = encode_row(tokenizer, chat)
        other = encode_row(tokenizer, [*chat[:-1], {"role": "assistant", "content": wrong}])
        pair = Pair([*right.prompt, *right.invocation], [*right.answer], [*other.answer])
        if len(pair.prompt) + max(len(pair.chosen), len(pair.rejected)) <= limit:
            found.append(pair)
    return found


def prefer(
    adapted: Any,
    tokenizer: Any,
    pairs: Sequence[Pair],
    settings: Hyperparameters,
    place: Place,
    folder: Path,
) -> tuple[Any, dict[str, Any]]:
    """Return the model with an adapter that learned the pairs, and what to record of it."""
    learned = get_peft_model_state_dict(adapted)
    base = adapted.unload()
    shape = lora_config(settings, base)
    # From these tokens on the adapter acts here too, in prompts that are read as a whole.
    shape.alora_invocation_tokens = list(invocation_tokens(tokenizer))
    model = get_peft_model(base, shape)
    set_peft_model_state_dict(model, learned)
    before = margins(model, pairs)
    trainer = _OurTokens(
        model=model,
        args=_config(settings, place, folder),
        train_dataset=Dataset.from_list([_columns(pair) for pair in pairs]),
        processing_class=tokenizer,
    )
    trainer.train()
    trained = trainer.accelerator.unwrap_model(trainer.model)
    if "ref" in trained.peft_config:
        trained.delete_adapter("ref")
    trained.set_adapter("default")
    after = margins(trained, pairs)
    return trained, {"pairs": len(pairs), "before": _summed_up(before), "after": _summed_up(after)}


@torch.no_grad()
def margins(model: Any, pairs: Sequence[Pair]) -> list[float]:
    """By how many nats the wanted answer of each pair is likelier than the other one."""
    return [
        _log_prob(model, pair.prompt, pair.chosen) - _log_prob(model, pair.prompt, pair.rejected)
        for pair in pairs
    ]


class _OurTokens(DPOTrainer):  # type: ignore[misc]
    """Learns from the very tokens that rows have; TRL would add what its template ends with."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def _config(settings: Hyperparameters, place: Place, folder: Path) -> DPOConfig:
    return DPOConfig(
        output_dir=str(folder),
        beta=BETA,
        per_device_train_batch_size=max(1, BATCH_SIZE // place.count),
        num_train_epochs=PASSES,
        learning_rate=SHARE_OF_RATE * (settings.learning_rate or 0.0),
        lr_scheduler_type="cosine",
        weight_decay=0.0,
        max_length=None,
        use_cpu=not place.is_gpu,
        bf16=place.dtype == torch.bfloat16,
        gradient_checkpointing=place.is_gpu,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        seed=settings.seed,
    )


def _columns(pair: Pair) -> dict[str, list[int]]:
    return {
        "prompt_ids": pair.prompt,
        "chosen_ids": pair.chosen,
        "rejected_ids": pair.rejected,
    }


def _log_prob(model: Any, prompt: list[int], answer: list[int]) -> float:
    ids = torch.tensor([prompt + answer], device=model.device)
    log_probs = torch.log_softmax(model(input_ids=ids).logits[0, :-1].float(), dim=-1)
    return float(log_probs.gather(1, ids[0, 1:, None])[-len(answer) :].sum())


def _summed_up(found: Sequence[float]) -> dict[str, float]:
    return {
        "preferred": round(sum(margin > 0 for margin in found) / len(found), 3),
        "margin": round(sum(found) / len(found), 3),
    }
