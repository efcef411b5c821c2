"""
The folder that AutoTrain Advanced trains: rows, YAML, a base it can read, and a page that says how.

The same whether a run of ours trains it or a person does by hand. Pure but for files.

AutoTrain packs: it puts the rows one after the other in random order, cuts the whole into blocks,
throws away what is left over, and learns every token, the questions' too. So the passes are written
out here, and AutoTrain makes one: the rows are cut elsewhere in each pass, and what is thrown away
is one of several copies. It also needs more tokens than a block has, or it trains nothing at all.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from bot.engines.adapter_files import WEIGHTS
from bot.engines.client import Message
from bot.training.autotrain_base import write_base
from bot.training.hyperparameters import (
    MANY_ROWS,
    REHEARSE_EVERY,
    VERY_MANY_ROWS,
    Hyperparameters,
)

#: AutoTrain's ``project_name`` is also its folder, and may hold letters, digits and hyphens only.
RESULT = "result"
CONFIG = "config.yml"
#: In tokens. A block holds two of the longest rows if it may; very long ones need the memory.
SMALLEST_BLOCK, LARGEST_BLOCK = 16, 1024
#: Fewer would be too few steps to learn anything.
FEWEST_BLOCKS = 8
PINS = Path(__file__).parents[2] / "requirements-autotrain.txt"
#: What AutoTrain must be told besides its YAML: no hub, no code from a model's folder, and no
#: attempt to pause a machine at Hugging Face.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "ALLOW_REMOTE_CODE": "false",
    "PAUSE_ON_FAILURE": "0",
}


@dataclass(frozen=True)
class Plan:
    """What follows from the rows. ``passes`` are written out; AutoTrain makes one."""

    passes: int
    block_size: int
    batch_size: int
    learning_rate: float
    lora_r: int
    lora_alpha: int
    tokens: int
    context: int

    def as_record(self) -> dict[str, Any]:
        """What a run keeps of it."""
        kept = asdict(self)
        del kept["tokens"], kept["context"]
        return kept | {"num_train_epochs": kept.pop("passes")}


def plan_project(
    asked: Hyperparameters, sizes: Sequence[int], rehearsed: Sequence[int], context: int
) -> Plan:
    """``sizes`` are the tokens of each row, ``rehearsed`` those of the general ones."""
    passes = asked.epochs(len(sizes))
    once = [*sizes, *_share(rehearsed, len(sizes))]
    total = passes * sum(once)
    block = _block_size(max(once), total, context)
    batch = asked.batch_size or _batch_size(len(sizes))
    chosen = asked.resolved(len(sizes), sum(sizes))
    assert chosen.learning_rate is not None
    assert chosen.lora_r is not None
    assert chosen.lora_alpha is not None
    return Plan(
        passes=passes,
        block_size=block,
        batch_size=batch,
        learning_rate=chosen.learning_rate,
        lora_r=chosen.lora_r,
        lora_alpha=chosen.lora_alpha,
        tokens=total // block * block,
        context=context,
    )


def write_project(
    folder: Path,
    plan: Plan,
    rows: Sequence[Sequence[Message]],
    rehearsal: Sequence[Sequence[Message]],
    weights: Path,
    *,
    with_copies: bool = False,
) -> None:
    """
    Write the folder, whole or not at all; an older one is replaced. ``weights`` is the base as
    ``bot.training.base_weights`` keeps it; ``with_copies`` the folder may be carried elsewhere.

    Raises:
        OSError: it cannot be written.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    # What a team said is for its owner's eyes.
    partial.mkdir(parents=True, mode=0o700)
    try:
        (partial / "data").mkdir()
        once = [*rows, *_share(rehearsal, len(rows))]
        with (partial / "data" / "train.jsonl").open("w", encoding="utf-8") as file:
            for _ in range(plan.passes):
                for row in once:
                    file.write(json.dumps({"messages": list(row)}, ensure_ascii=False) + "\n")
        write_base(weights, partial / "base", with_copies=with_copies)
        (partial / CONFIG).write_text(yaml.safe_dump(_config(plan), sort_keys=False))
        (partial / "README.md").write_text(_page(plan, len(rows)), encoding="utf-8")
        shutil.copyfile(PINS, partial / "requirements.txt")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _config(plan: Plan) -> dict[str, Any]:
    """AutoTrain's own words; each key of ``data`` must be there, ``quantization`` must be null."""
    return {
        "task": "llm-sft",
        "base_model": "base",
        "project_name": RESULT,
        "log": "none",
        "backend": "local",
        "data": {
            "path": "data",
            "train_split": "train",
            "valid_split": None,
            "chat_template": "tokenizer",
            "column_mapping": {"text_column": "messages"},
        },
        "params": {
            "block_size": plan.block_size,
            "model_max_length": plan.context,
            "epochs": 1,
            "batch_size": plan.batch_size,
            "gradient_accumulation": 1,
            "lr": plan.learning_rate,
            "scheduler": "cosine",
            "warmup_ratio": 0.05,
            "optimizer": "adamw_torch",
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
            "peft": True,
            "quantization": None,
            "target_modules": "all-linear",
            "lora_r": plan.lora_r,
            "lora_alpha": plan.lora_alpha,
            "lora_dropout": 0.0,
            "merge_adapter": False,
            "mixed_precision": None,
            "padding": "right",
            "disable_gradient_checkpointing": True,
            "logging_steps": 1,
            "save_total_limit": 1,
        },
    }


def _share(rehearsal: Sequence[Any], rows: int) -> list[Any]:
    """As many general rows as trainer ``local`` mixes in."""
    deck = cycle(rehearsal)
    return [next(deck) for _ in range(rows // REHEARSE_EVERY)] if rehearsal else []


def _block_size(longest: int, total: int, context: int) -> int:
    size = SMALLEST_BLOCK
    while size < 2 * longest and 2 * size <= min(LARGEST_BLOCK, context):
        size *= 2
    while size > SMALLEST_BLOCK and size * FEWEST_BLOCKS > total:
        size //= 2
    return size


def _batch_size(rows: int) -> int:
    """In blocks, each of two rows or more."""
    if rows <= MANY_ROWS:
        return 1
    return 2 if rows <= VERY_MANY_ROWS else 4


def _page(plan: Plan, rows: int) -> str:
    given = " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items())
    return f"""# An AutoTrain Advanced project

Written by Apprentice: {rows} rows of a team's data set, each {plan.passes} times, and general ones
(`data/train.jsonl`), the base model (`base/`) and what to do (`{CONFIG}`). The rows are what a
team said: keep this folder as you keep that.

AutoTrain Advanced 0.8.36 needs versions of its own, so it gets a virtual environment of its own
(Python 3.10 to 3.13; 2 GB). In this folder:

```
python3 -m venv .venv
.venv/bin/python -m pip install "$(grep '^torch==' requirements.txt)"
.venv/bin/python -m pip install --no-deps -r requirements.txt
export PATH="$PWD/.venv/bin:$PATH" OMP_NUM_THREADS=$(getconf _NPROCESSORS_ONLN)
{given} autotrain --config {CONFIG}
```

AutoTrain's exit code is 0 even when it failed. It worked if `{RESULT}/{WEIGHTS}` is
there and the output does not say "has failed due to an exception". That is an ordinary peft adapter
for `base/`: `PeftModel.from_pretrained(model, "{RESULT}")`. Delete `{RESULT}/` before another try.

Change what you like in `{CONFIG}`. `epochs` is 1 because the passes are written out in the rows:
AutoTrain packs rows into blocks of {plan.block_size} tokens and throws away what is left over.
"""
