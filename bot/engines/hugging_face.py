"""
A Hugging Face model, by folder or by name, as the GGUF file that serves and trains.

Converted once, in a child process; the file is kept under its content's digest and is whole or
absent. Downloads only where a name was given.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from bot.engines.errors import BaseModelError

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = ("*.json", "*.safetensors", "*.jinja")


def is_hub_name(setting: str) -> bool:
    """Whether this reads as ``organisation/model``."""
    return _NAME.fullmatch(setting) is not None


def download(name: str) -> Path:
    """
    Return the local folder of a model on the hub, downloading what is missing.

    Raises:
        BaseModelError: there is no such model, or the hub cannot be reached.
    """
    # Takes a second to import and is needed here alone.
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    # The hub's own errors are OSErrors and ValueErrors: missing, private, offline, timed out.
    except (OSError, ValueError) as error:
        raise BaseModelError(
            f"The model {name} cannot be fetched from Hugging Face: there is no public model of "
            "this name, or no connection. Check BASE_MODEL, or set it to a GGUF file."
        ) from error


def gguf_of_folder(folder: Path, models_dir: Path) -> Path:
    """
    Return the GGUF form of the model in ``folder``, converting it where there is none yet.

    Raises:
        BaseModelError: it cannot be converted; says why.
    """
    digest = _digest(folder)
    gguf_path = models_dir / f"{folder.resolve().name}-{digest[:16]}.gguf"
    if gguf_path.exists():
        return gguf_path
    models_dir.mkdir(parents=True, exist_ok=True)
    partial = gguf_path.with_suffix(f".{os.getpid()}.partial")
    try:
        converted = subprocess.run(
            [sys.executable, "-m", "bot.engines.hf_to_gguf", str(folder), str(partial)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if converted.returncode != 0:
            reason = (converted.stderr.strip().splitlines() or ["it ended early"])[-1]
            raise BaseModelError(
                f"The model in {folder} cannot be converted: {reason}. Set BASE_MODEL to a GGUF "
                "file of it instead."
            )
        partial.rename(gguf_path)
    finally:
        partial.unlink(missing_ok=True)
    return gguf_path


def _digest(folder: Path) -> str:
    """Of what decides the result: configuration, tokenizer, weights."""
    digest = hashlib.sha256()
    for pattern in _FILES:
        for path in sorted(folder.glob(pattern)):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
