"""
A Hugging Face folder as a GGUF file, for llama and qwen2 models with a byte-level BPE tokenizer.

Run as a child (``python -m bot.engines.hf_to_gguf FOLDER GGUF``): it imports torch. It refuses
what it would have to guess; llama.cpp's own script, which knows every model, may then help.
Weights are stored as float16; what is one-dimensional stays float32.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bot.engines.hf_tokenizer import add_tokenizer

#: transformers' model type → llama.cpp's architecture.
ARCHITECTURES = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2}
_ROTATED = {"llama"}


class CannotConvertError(Exception):
    """Raised with the reason, in words that fit behind "cannot be converted: "."""


def convert(folder: Path, gguf_path: Path) -> None:
    """
    Write the model in ``folder`` to ``gguf_path``.

    Raises:
        CannotConvertError: what about it is not supported.
        OSError: it cannot be read or written.
    """
    config = json.loads((folder / "config.json").read_text())
    kind = config.get("model_type")
    if kind not in ARCHITECTURES:
        raise CannotConvertError(f"its architecture {kind!r} is neither llama nor qwen2")
    writer = gguf.GGUFWriter(gguf_path, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[kind]])
    writer.add_name(folder.resolve().name)
    _add_shape(writer, config)
    try:
        add_tokenizer(writer, folder)
    except ValueError as error:
        raise CannotConvertError(str(error)) from None
    for name, tensor in _converted(folder, config, kind):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    if head_size * heads != config["hidden_size"]:
        raise CannotConvertError("its heads do not add up to its hidden size")
    rope = config.get("rope_parameters") or {}
    scaling = config.get("rope_scaling") or (rope if rope.get("rope_type") != "default" else {})
    if scaling.get("rope_type", scaling.get("type", "default")) != "default":
        raise CannotConvertError("it scales its rotary positions")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_rope_freq_base(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    writer.add_rope_dimension_count(head_size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def _converted(
    folder: Path, config: dict[str, Any], kind: str
) -> Iterator[tuple[str, NDArray[Any]]]:
    names = gguf.get_tensor_name_map(ARCHITECTURES[kind], config["num_hidden_layers"])
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    for full_name, tensor in _tensors(folder):
        if full_name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        target = names.get_name(full_name, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise CannotConvertError(f"nobody knows its tensor {full_name}")
        if kind in _ROTATED and ".q_proj." in full_name:
            tensor = _rotate(tensor, heads)
        if kind in _ROTATED and ".k_proj." in full_name:
            tensor = _rotate(tensor, kv_heads)
        yield target, tensor if tensor.ndim == 1 else tensor.astype(np.float16)


def _tensors(folder: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    paths = sorted(folder.glob("model*.safetensors"))
    if not paths:
        raise CannotConvertError("it has no safetensors files")
    for path in paths:
        # Through torch: numpy has no bfloat16.
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - a file, not a dict
                yield name, file.get_tensor(name).float().numpy()


def _rotate(tensor: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder the rows of q or k as llama.cpp stores them."""
    rest = tensor.shape[1:]
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *rest)
    return halves.swapaxes(1, 2).reshape(tensor.shape)


def main() -> int:
    """Convert; a reason goes to stderr as its last line."""
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except (CannotConvertError, OSError, KeyError, ValueError, SafetensorError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
