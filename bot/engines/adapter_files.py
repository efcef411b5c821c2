"""
An adapter is a folder: what its files are called, and what its manifest says of them.

Trainers write it; engines, and the service for the bots of others, read it.
"""

import json
import os
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.intact import sha256_of

#: As peft writes them.
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
#: The same weights for llama.cpp.
GGUF = "adapter.gguf"
#: What it was made from, and under ``files`` the SHA-256 of every other file when it was made.
MANIFEST = "manifest.json"
#: What goes from one installation to another, which makes a GGUF file of its own. The service
#: numbers them in this order.
HANDED_OUT = (CONFIG, WEIGHTS, MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """
    Raises:
        OSError: there is none.
        ValueError: it is no JSON.
    """
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return manifest


def write_manifest(folder: Path, base: BaseModel, facts: dict[str, Any]) -> None:
    """
    The last file of a folder, on disk before it is renamed.

    Raises:
        OSError: it cannot be written.
    """
    manifest = {
        "base_model": base.name,
        "base_digest": base.digest,
        **facts,
        "files": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
    }
    with (folder / MANIFEST).open("w") as file:
        json.dump(manifest, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
