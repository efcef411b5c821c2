"""The loss of one batch: what an answer's tokens cost, given what the base read before them."""

from collections.abc import Sequence
from typing import Any

import torch

from bot.training.batches import IGNORED, collate
from bot.training.encoding import EncodedRow
from bot.training.place import Place
from bot.training.prompt_states import PromptStates

#: Rows of the validation split that are read at once.
AT_ONCE = 8


def batch_loss(
    adapted: Any, states: PromptStates, rows: Sequence[EncodedRow]
) -> tuple[torch.Tensor, int]:
    """Return the mean loss in nats per answer token, and how many tokens were adapted."""
    batch = collate(rows).on(adapted.device)
    past, past_mask = states.batch(rows)
    logits = adapted(
        input_ids=batch.ids,
        attention_mask=torch.cat([past_mask, batch.mask], dim=1),
        position_ids=batch.positions,
        past_key_values=past,
        use_cache=True,
    ).logits
    learned = batch.targets != IGNORED
    loss = torch.nn.functional.cross_entropy(logits[learned].float(), batch.targets[learned])
    return loss, batch.tokens


@torch.no_grad()
def mean_loss(
    adapted: Any, states: PromptStates, rows: Sequence[EncodedRow], place: Place
) -> float:
    """Return the loss per answer token over all ``rows``; changes nothing."""
    mine = place.share(rows)
    total = torch.zeros(1, device=place.device)
    for at in range(0, len(mine), AT_ONCE):
        part = mine[at : at + AT_ONCE]
        loss, _ = batch_loss(adapted, states, part)
        total += loss * answer_tokens(part)
    place.add_up([total])
    return float(total) / answer_tokens(rows)


def answer_tokens(rows: Sequence[EncodedRow]) -> int:
    """How many tokens are learned in these rows."""
    return sum(len(row.answer) for row in rows)
