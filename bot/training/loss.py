"""The loss of one batch: what an answer's tokens cost, given what the base read before them."""

from collections.abc import Sequence
from typing import Any

import torch

from bot.training.batches import IGNORED, collate
from bot.training.encoding import EncodedRow
from bot.training.prompt_states import PromptStates

#: Rows of the validation split that are read at once.
AT_ONCE = 8


def batch_loss(
    adapted: Any, states: PromptStates, rows: Sequence[EncodedRow]
) -> tuple[torch.Tensor, int]:
    """Return the mean loss in nats per answer token, and how many tokens were adapted."""
    batch = collate(rows)
    past, past_mask = states.batch(rows)
    logits = adapted(
        input_ids=batch.ids,
        attention_mask=torch.cat([past_mask, batch.mask], dim=1),
        position_ids=batch.positions,
        past_key_values=past,
        use_cache=True,
    ).logits
    learned = batch.targets != IGNORED
    loss = torch.nn.functional.cross_entropy(logits[learned], batch.targets[learned])
    return loss, batch.tokens


@torch.no_grad()
def mean_loss(adapted: Any, states: PromptStates, rows: Sequence[EncodedRow]) -> float:
    """Return the loss per answer token over all ``rows``; changes nothing."""
    total = tokens = 0.0
    for at in range(0, len(rows), AT_ONCE):
        part = rows[at : at + AT_ONCE]
        answers = sum(len(row.answer) for row in part)
        loss, _ = batch_loss(adapted, states, part)
        total, tokens = total + float(loss) * answers, tokens + answers
    return total / tokens
