"""
The base model's folder in the words of transformers 4.48, which is what AutoTrain Advanced has.

transformers 5 saves what 4.48 cannot read: then AutoTrain ends with "Tokenizer class
TokenizersBackend does not exist", and exit code 0. Pure but for files.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

_TOKENIZER = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
#: Notes of ours, and what is rewritten.
_NOT_TAKEN = {"base.json", "config.json", _TOKENIZER, _TEMPLATE}
#: What transformers 5 notes of a tokenizer for itself alone.
_NEW_FACTS = ("backend", "is_local", "local_files_only", "extra_special_tokens")


def write_base(weights: Path, folder: Path, *, with_copies: bool) -> None:
    """
    Write what AutoTrain loads; the large files are links unless ``with_copies``.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True)
    config = _read(weights / "config.json")
    (folder / "config.json").write_text(json.dumps(_older_config(config), indent=1))
    tokenizer = _read(weights / _TOKENIZER)
    template = (weights / _TEMPLATE).read_text() if (weights / _TEMPLATE).exists() else None
    (folder / _TOKENIZER).write_text(json.dumps(_older_tokenizer(tokenizer, template), indent=1))
    for path in weights.iterdir():
        if path.name in _NOT_TAKEN:
            continue
        if with_copies:
            shutil.copyfile(path, folder / path.name)
        else:
            os.symlink(path.resolve(), folder / path.name)


def _older_config(config: dict[str, Any]) -> dict[str, Any]:
    older = dict(config)
    if "dtype" in older:
        older["torch_dtype"] = older.pop("dtype")
    rope = dict(older.pop("rope_parameters", None) or {})
    if "rope_theta" in rope:
        older["rope_theta"] = rope.pop("rope_theta")
    if rope.get("rope_type", "default") != "default":
        older["rope_scaling"] = rope
    return older


def _older_tokenizer(facts: dict[str, Any], template: str | None) -> dict[str, Any]:
    older = {name: value for name, value in facts.items() if name not in _NEW_FACTS}
    older["tokenizer_class"] = "PreTrainedTokenizerFast"
    if template is not None:
        older["chat_template"] = template
    if extra := facts.get("extra_special_tokens"):
        older["additional_special_tokens"] = list(extra)
    return older


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))
