"""Rows measured with the base model's own tokenizer, and what AutoTrain makes of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.training.autotrain_project import Plan, plan_project
from bot.training.base_weights import cached_base
from bot.training.encoding import encode_rows
from bot.training.hyperparameters import Hyperparameters


@dataclass(frozen=True)
class Prepared:
    """``weights`` is the base's folder as we keep it."""

    plan: Plan
    weights: Path
    tokenizer: Any


def prepared(
    base: BaseModel,
    models_dir: Path,
    asked: Hyperparameters,
    rows: Sequence[Sequence[Message]],
    rehearsal: Sequence[Sequence[Message]],
) -> Prepared:
    """
    Make the base ready and plan the project.

    Raises:
        BaseModelError: transformers does not know this architecture.
        RowTooLongError: a row has more tokens than the base reads.
        OSError: something cannot be written.
    """
    weights = cached_base(base, models_dir)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    context = json.loads((weights / "config.json").read_text())["max_position_embeddings"]
    sizes, rehearsed = (
        # One more: AutoTrain puts the end of a turn between rows.
        [len(row.prompt) + len(row.adapted) + 1 for row in encode_rows(chats, tokenizer, context)]
        for chats in (rows, rehearsal)
    )
    return Prepared(plan_project(asked, sizes, rehearsed, context), weights, tokenizer)
