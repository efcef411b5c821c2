"""
The base model as transformers loads it: dequantised once from its GGUF file, then cached.

Runs in the training child, or before the first run as ``python -m bot.training.base_weights``
with the base and the folder as JSON on stdin. A cache folder is complete or absent: it is renamed
into place; who comes second waits for who came first.
"""

import fcntl
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.errors import BaseModelError
from bot.training.priority import step_back

_NOTE = "base.json"


def cached_base(base: BaseModel, models_dir: Path) -> Path:
    """
    Return the folder with ``model.safetensors``, ``config.json`` and the tokenizer.

    Raises:
        BaseModelError: transformers does not know this architecture.
        OSError: it cannot be written.
    """
    folder = _folder(base, models_dir)
    partial = folder.with_name(f"{folder.name}.partial")
    with _alone(folder):
        if not is_cached(base, models_dir):
            # What a killed process left.
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                _dequantise(base, partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


def architecture_of(folder: Path) -> str:
    """Return the base GGUF file's own word for its architecture."""
    return str(json.loads((folder / _NOTE).read_text())["architecture"])


def is_cached(base: BaseModel, models_dir: Path) -> bool:
    """Whether ``cached_base`` will return at once."""
    return (_folder(base, models_dir) / _NOTE).exists()


def _folder(base: BaseModel, models_dir: Path) -> Path:
    return models_dir / f"base-{base.digest[:16]}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _dequantise(base: BaseModel, folder: Path) -> None:
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source: dict[str, Any] = {"gguf_file": base.gguf_path.name}
    parent = str(base.gguf_path.parent)
    try:
        tokenizer = AutoTokenizer.from_pretrained(parent, **source)
        model = AutoModelForCausalLM.from_pretrained(parent, dtype=torch.float32, **source)
    # transformers reports unknown architectures, tensors and tokenizers in these ways.
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise BaseModelError(
            f"transformers cannot train {base.name}: its architecture is not supported from "
            "GGUF. Set BASE_MODEL to another instruct model."
        ) from error
    # A model that remembers it was quantised refuses to be saved.
    config = model.config
    del config.quantization_config
    auto: Any = AutoModelForCausalLM  # its constructors are not typed
    plain = auto.from_config(config, dtype=torch.float32)
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    field: Any = gguf.GGUFReader(base.gguf_path).get_field("general.architecture")
    note = {"name": base.name, "digest": base.digest, "architecture": field.contents()}
    (folder / _NOTE).write_text(json.dumps(note))


def main() -> None:
    """Fill the cache ahead of the first run."""
    step_back()
    task = json.load(sys.stdin)
    base = BaseModel(task["name"], Path(task["gguf_path"]), task["digest"])
    cached_base(base, Path(task["models_dir"]))


if __name__ == "__main__":
    main()
