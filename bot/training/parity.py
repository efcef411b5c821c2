"""
What the trained model sees and thinks, written down for the engine that will serve it.

Runs in the training child. ``bot.evaluation.parity`` compares.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bot.engines.client import Message
from bot.training.encoding import encode_row

#: A few rows show a wrong template as well as all of them do.
ROWS = 4
TOP = 10


@torch.no_grad()
def write_parity(path: Path, model: Any, tokenizer: Any, rows: Sequence[Sequence[Message]]) -> None:
    """
    Write a list of ``{"messages", "tokens", "top"}``: a prompt, its token ids as trained, and
    the log-probabilities (nats) of the likeliest first tokens of the answer, by id.
    """
    samples = []
    for row in rows[:ROWS]:
        encoded = encode_row(tokenizer, row)
        tokens = [*encoded.prompt, *encoded.invocation]
        top = torch.topk(_first_token(model, encoded.prompt, encoded.invocation), TOP)
        samples.append(
            {
                "messages": list(row[:-1]),
                "tokens": tokens,
                "top": {
                    str(int(token)): round(float(value), 4)
                    for token, value in zip(top.indices, top.values, strict=True)
                },
            }
        )
    path.write_text(json.dumps(samples))


def _first_token(model: Any, prompt: Sequence[int], invocation: Sequence[int]) -> torch.Tensor:
    """An adapter that acts on what follows the prompt alone leaves the prompt to the base."""
    if not model.peft_config["default"].alora_invocation_tokens:
        logits = model(input_ids=torch.tensor([[*prompt, *invocation]])).logits[0, -1]
        return torch.log_softmax(logits.float(), dim=-1)
    with model.disable_adapter():
        past = model(input_ids=_ids(model, prompt), use_cache=True).past_key_values
    mask = torch.ones((1, len(prompt) + len(invocation)), dtype=torch.long, device=model.device)
    logits = model(
        input_ids=_ids(model, invocation), attention_mask=mask, past_key_values=past
    ).logits[0, -1]
    return torch.log_softmax(logits.float(), dim=-1)


def _ids(model: Any, tokens: Sequence[int]) -> torch.Tensor:
    return torch.tensor([tokens], device=model.device)
