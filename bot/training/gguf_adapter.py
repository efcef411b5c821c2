"""
A peft LoRA adapter as the GGUF file llama.cpp loads. Runs in the training child: needs numpy.

Refuses adapters that touch embeddings or the output layer; llama.cpp would not load them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bot.training.errors import AdapterRefusedError

#: Architectures whose q and k rows llama.cpp stores rotated (pairs split in halves).
_ROTATED = {"llama"}
_PREFIX = "base_model.model."
_SUFFIXES = {".lora_A.weight": "lora_a", ".lora_B.weight": "lora_b"}


def write_gguf_adapter(
    peft_dir: Path, gguf_path: Path, *, architecture: str, model_config: dict[str, Any]
) -> None:
    """
    Write the adapter in ``peft_dir`` to ``gguf_path``.

    ``architecture`` is the base GGUF file's own word; ``model_config`` is the base's
    ``config.json``, read for its numbers of layers and heads.

    Raises:
        AdapterRefusedError: it holds tensors llama.cpp cannot apply.
        OSError: it cannot be written.
    """
    adapter_config = json.loads((peft_dir / "adapter_config.json").read_text())
    writer = gguf.GGUFWriter(gguf_path, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(adapter_config["lora_alpha"]))
    if invocation := adapter_config.get("alora_invocation_tokens"):
        writer.add_key_value(
            gguf.Keys.Adapter.ALORA_INVOCATION_TOKENS,
            invocation,
            gguf.GGUFValueType.ARRAY,
            gguf.GGUFValueType.UINT32,
        )
    for name, tensor in _converted(peft_dir, architecture, model_config):
        writer.add_tensor(name, tensor.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _converted(
    peft_dir: Path, architecture: str, model_config: dict[str, Any]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    names = gguf.get_tensor_name_map(_model_arch(architecture), model_config["num_hidden_layers"])
    heads = model_config["num_attention_heads"]
    kv_heads = model_config.get("num_key_value_heads") or heads
    for full_name, tensor in sorted(load_file(peft_dir / "adapter_model.safetensors").items()):
        module, kind = _module_and_kind(full_name)
        target = names.get_name(module)
        if target is None or not target.startswith("blk."):
            raise AdapterRefusedError(module)
        if architecture in _ROTATED and kind == "lora_b" and module.endswith("q_proj"):
            tensor = _rotate(tensor, heads)
        if architecture in _ROTATED and kind == "lora_b" and module.endswith("k_proj"):
            tensor = _rotate(tensor, kv_heads)
        yield f"{target}.weight.{kind}", tensor


def _module_and_kind(full_name: str) -> tuple[str, str]:
    """``base_model.model.model.layers.0.mlp.up_proj.lora_A.weight`` → (module, ``lora_a``)."""
    for suffix, kind in _SUFFIXES.items():
        if full_name.startswith(_PREFIX) and full_name.endswith(suffix):
            return full_name.removeprefix(_PREFIX).removesuffix(suffix), kind
    raise AdapterRefusedError(full_name)


def _rotate(lora_b: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder rows (heads x head size, r) as llama.cpp stores this architecture's q and k."""
    rows, rank = lora_b.shape
    halves = lora_b.reshape(heads, 2, rows // heads // 2, rank)
    return halves.swapaxes(1, 2).reshape(rows, rank)


def _model_arch(architecture: str) -> gguf.MODEL_ARCH:
    for arch, name in gguf.MODEL_ARCH_NAMES.items():
        if name == architecture:
            return arch
    raise AdapterRefusedError(architecture)
