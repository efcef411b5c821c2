"""The loss of one batch: what an answer's tokens cost, given what the base read before them."""

from collections.abc import Sequence
from typing import Any

import torch

from bot.training.batches import IGNORED, collate
from bot.training.encoding import EncodedRow
from bot.training.frozen_states import FrozenStates
from bot.training.place import Place

#: Rows of the validation split that are read at once.
AT_ONCE = 8


def batch_loss(
    adapted: Any, states: FrozenStates, rows: Sequence[EncodedRow]
) -> tuple[torch.Tensor, int]:
    """Return the mean loss in nats per answer token, and how many tokens were adapted."""
    batch = collate(rows).on(adapted.device)
    start = states.batch(rows)
    read = states.trained_layers(
        inputs_embeds=start.hidden,
        attention_mask=torch.cat([start.past_mask, batch.mask], dim=1),
        position_ids=batch.positions,
        past_key_values=start.past,
        use_cache=True,
    ).last_hidden_state
    learned = batch.targets != IGNORED
    # The output layer is a fifth of a small model: only where something is to be learned.
    logits = adapted.get_output_embeddings()(read[learned])
    loss = torch.nn.functional.cross_entropy(logits.float(), batch.targets[learned])
    return loss, batch.tokens


@torch.no_grad()
def mean_loss(
    adapted: Any, states: FrozenStates, rows: Sequence[EncodedRow], place: Place
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
