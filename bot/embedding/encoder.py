"""
A BERT sentence encoder in NumPy: tokens in, one vector of length one out. For the child alone.

All-MiniLM-L6-v2 has six small layers. Computed here they need a fifth of the memory and start a
hundred times sooner than with PyTorch, which a small installation does not have
(docs/decisions/0056). A test holds the vectors against those of ``transformers``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: What the model was trained with; the rest of a longer text is not read.
MAX_TOKENS = 256


class Encoder:
    """The model in a Hugging Face folder."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        config = json.loads((folder / "config.json").read_text("utf-8"))
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self._layers = int(config["num_hidden_layers"])
        self._weights = _prepared(load_file(folder / "model.safetensors"), self._layers)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str]) -> Floats:
        """One row of length one for each text, so that a dot product is the cosine."""
        # What is no text, such as half of a surrogate pair, must not end the process.
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        tokens = [each.ids for each in self._tokenizer.encode_batch(readable)]
        return np.stack([self._vector(ids) for ids in tokens])

    def _vector(self, ids: Sequence[int]) -> Floats:
        hidden = self._embedded(ids)
        for layer in range(self._layers):
            hidden = self._transformed(hidden, layer)
        mean = hidden.mean(axis=0)
        return mean / np.linalg.norm(mean)  # type: ignore[no-any-return]  # of NumPy

    def _embedded(self, ids: Sequence[int]) -> Floats:
        weights = self._weights
        summed = (
            weights["embeddings.word_embeddings.weight"][list(ids)]
            + weights["embeddings.position_embeddings.weight"][: len(ids)]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        return self._normalised(summed, "embeddings.LayerNorm")

    def _transformed(self, hidden: Floats, layer: int) -> Floats:
        at = f"encoder.layer.{layer}."
        length, width = hidden.shape
        projected = self._linear(hidden, f"{at}attention.self.qkv")
        heads = projected.reshape(length, 3, self._heads, -1).transpose(1, 2, 0, 3)
        query, key, value = heads
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(width // self._heads))
        attended = (_softmax(scores) @ value).transpose(1, 0, 2).reshape(length, width)
        out = self._linear(attended, f"{at}attention.output.dense")
        hidden = self._normalised(hidden + out, f"{at}attention.output.LayerNorm")
        inner = _gelu(self._linear(hidden, f"{at}intermediate.dense"))
        out = self._linear(inner, f"{at}output.dense")
        return self._normalised(hidden + out, f"{at}output.LayerNorm")

    def _linear(self, values: Floats, name: str) -> Floats:
        return values @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normalised(self, values: Floats, name: str) -> Floats:
        centred = values - values.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        scale = self._weights[f"{name}.weight"] / np.sqrt(variance + np.float32(self._epsilon))
        return centred * scale + self._weights[f"{name}.bias"]  # type: ignore[no-any-return]


def _prepared(loaded: Mapping[str, Floats], layers: int) -> dict[str, Floats]:
    """Query, key and value as one matrix: one multiplication instead of three."""
    return {**loaded, **dict(_joined(loaded, layers))}


def _joined(loaded: Mapping[str, Floats], layers: int) -> Iterator[tuple[str, Floats]]:
    for layer in range(layers):
        at = f"encoder.layer.{layer}.attention.self."
        for kind in ("weight", "bias"):
            parts = [loaded[f"{at}{name}.{kind}"] for name in ("query", "key", "value")]
            yield f"{at}qkv.{kind}", np.concatenate(parts)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]


def _gelu(values: Floats) -> Floats:
    return values * (np.float32(0.5) * (1 + _erf(values / np.sqrt(np.float32(2)))))


def _erf(values: Floats) -> Floats:
    """Abramowitz and Stegun 7.1.26, right to the seventh digit; NumPy has none."""
    size = np.abs(values)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * t
    return np.sign(values) * (1 - series * np.exp(-size * size))  # type: ignore[no-any-return]
