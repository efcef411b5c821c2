"""
What a run leaves: the peft adapter, its GGUF form and a manifest with their checksums.

Written into a partial folder that is renamed last, so an adapter is complete or absent.
"""

import json
import time
from pathlib import Path
from typing import Any

from bot.engines.adapter_files import GGUF, write_manifest
from bot.engines.base_model import BaseModel
from bot.training.base_weights import architecture_of
from bot.training.encoding import invocation_tokens
from bot.training.gguf_adapter import write_gguf_adapter
from bot.training.job_folder import JobFolder
from bot.training.parity import write_parity
from bot.training.trainer import PARITY_FILE

#: peft adds a model card of its own.
_UNWANTED = ("README.md",)


def finish(
    folder: JobFolder,
    adapted: Any,
    tokenizer: Any,
    base: BaseModel,
    weights: Path,
    started: float,
    record: dict[str, Any],
    *,
    acts_on_all: bool = False,
) -> None:
    """
    Write ``adapter/`` into the job's folder, and discard what led there.

    ``started`` is the child's ``time.monotonic()`` when it began, ``record`` how it was trained.
    ``acts_on_all``: the adapter was trained to change how prompts are read, too.

    Raises:
        AdapterRefusedError: the engine could not load it.
        OSError: it cannot be written.
    """
    seconds = time.monotonic() - started
    partial = folder.partial_adapter
    partial.mkdir(exist_ok=True)
    config = adapted.peft_config["default"]
    # From these tokens on the adapter acts, in peft and in llama.cpp alike.
    from_here_on = None if acts_on_all else list(invocation_tokens(tokenizer))
    config.alora_invocation_tokens = from_here_on
    config.base_model_name_or_path = base.name
    # Without a word on embeddings peft asks the Hugging Face hub whether they changed.
    adapted.save_pretrained(partial, save_embedding_layers=False)
    for name in _UNWANTED:
        (partial / name).unlink(missing_ok=True)
    rows = folder.read_rows()
    write_parity(partial / PARITY_FILE, adapted, tokenizer, rows)
    write_gguf_adapter(
        partial,
        partial / GGUF,
        architecture=architecture_of(weights),
        model_config=json.loads((weights / "config.json").read_text()),
    )
    steps = folder.read_metrics()
    final_loss = steps[-1]["loss"] if steps else None
    facts = {"final_loss": final_loss, "rows": len(rows), "seconds": seconds, **record}
    write_manifest(partial, base, facts)
    folder.note("The adapter is complete.")
    partial.rename(folder.adapter)
    folder.discard_checkpoints()
