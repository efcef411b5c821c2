"""
A peft LoRA adapter as the GGUF file llama.cpp loads. Needs numpy: import it late outside a child.

Refuses adapters that touch embeddings or the output layer; llama.cpp would not load them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize

from bot.engines.adapter_files import CONFIG, WEIGHTS
from bot.training.errors import AdapterRefusedError

#: Architectures whose q and k rows llama.cpp stores rotated (pairs split in halves).
_ROTATED = {"llama"}
_PREFIX = "base_model.model."
#: Little-endian, as safetensors are; numpy has no bfloat16.
_NUMBERS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_SUFFIXES = {".lora_A.weight": "lora_a", ".lora_B.weight": "lora_b"}


@dataclass(frozen=True)
class BaseShape:
    """
    What a base's GGUF file says of itself: ``model_config`` as ``config.json`` names it, and how
    much each tensor takes and gives.
    """

    architecture: str
    model_config: dict[str, Any]
    sides: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, gguf_path: Path) -> "BaseShape":
        reader = gguf.GGUFReader(gguf_path)

        def read(key: str) -> Any:
            field: Any = reader.get_field(key)
            return field.contents() if field else None

        architecture = str(read("general.architecture"))
        config = {
            "num_hidden_layers": read(f"{architecture}.block_count"),
            "num_attention_heads": read(f"{architecture}.attention.head_count"),
            "num_key_value_heads": read(f"{architecture}.attention.head_count_kv"),
        }
        sides = {
            tensor.name.removesuffix(".weight"): (int(tensor.shape[0]), int(tensor.shape[1]))
            for tensor in reader.tensors
            if len(tensor.shape) == 2
        }
        return cls(architecture, config, sides)


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
    adapter_config = json.loads((peft_dir / CONFIG).read_text())
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
    for full_name, tensor in sorted(read_tensors(peft_dir / WEIGHTS).items()):
        module, kind = _module_and_kind(full_name)
        target = names.get_name(module)
        if target is None or not target.startswith("blk."):
            raise AdapterRefusedError(module)
        if architecture in _ROTATED and kind == "lora_b" and module.endswith("q_proj"):
            tensor = _rotate(tensor, heads)
        if architecture in _ROTATED and kind == "lora_b" and module.endswith("k_proj"):
            tensor = _rotate(tensor, kv_heads)
        yield f"{target}.weight.{kind}", tensor


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """
    Read an adapter's matrices, of whatever precision they are.

    Raises:
        AdapterRefusedError: they are no floating-point numbers.
        SafetensorError: the file is damaged.
    """
    found = {}
    for name, view in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
        if view["dtype"] not in _NUMBERS:
            raise AdapterRefusedError(f"{name} with numbers of type {view['dtype']}")
        values = np.frombuffer(view["data"], _NUMBERS[view["dtype"]])
        if view["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        found[name] = values.astype(np.float32).reshape(view["shape"])
    return found


def adapted_tensor(full_name: str, shape: BaseShape) -> tuple[str, str, str]:
    """
    Return the module, ``lora_a`` or ``lora_b``, and the base's tensor it adapts, or an empty name.

    Raises:
        AdapterRefusedError: it is no matrix of a LoRA adapter.
    """
    module, kind = _module_and_kind(full_name)
    layers = shape.model_config["num_hidden_layers"]
    names = gguf.get_tensor_name_map(_model_arch(shape.architecture), layers)
    return module, kind, names.get_name(module) or ""


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
