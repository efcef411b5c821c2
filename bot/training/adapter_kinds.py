"""
Which of peft's adapters llama.cpp serves as they were trained, by their config. Pure.

llama.cpp adds ``alpha / r * B @ A`` to the base's own matrices and leaves out the rest without a
word, so what nobody here knows is refused like what is known to differ.
"""

from collections.abc import Mapping
from typing import Any

#: How a training began that left the base's own matrices as they were.
_BEGINNINGS = {True, False, None, "gaussian", "eva", "orthogonal", "mica"}
#: What each has to be, and what it changes where it is something else.
_PLAIN: dict[str, tuple[Any, str]] = {
    "use_dora": (False, "it scales whole columns of the base's matrices, and the engine only adds"),
    "use_rslora": (False, "it is scaled by the root of its rank, and the engine scales by rank"),
    "use_qalora": (False, "it takes groups of inputs together, which the engine does not"),
    "fan_in_fan_out": (False, "its matrices lie the other way round"),
    "lora_bias": (False, "it holds biases, and the engine adds none"),
    "bias": ("none", "the base's biases were tuned along, and the engine keeps the base's own"),
    "modules_to_save": ([], "whole layers were tuned along, and the engine keeps the base's own"),
    "trainable_token_indices": ([], "embeddings were tuned along, and the engine keeps the base's"),
    "target_parameters": ([], "it changes parameters that are no linear layers"),
    "rank_pattern": ({}, "its layers differ in rank, and the engine knows one scale for all"),
    "alpha_pattern": ({}, "its layers differ in scale, and the engine knows one scale for all"),
    "layer_replication": ([], "it was tuned on a base with layers repeated"),
}  # fmt: skip
#: What says where and how it was trained, and changes nothing of what it computes.
_HARMLESS = {
    "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision",
    "inference_mode", "r", "target_modules", "exclude_modules", "lora_alpha", "lora_dropout",
    "init_lora_weights", "layers_to_transform", "layers_pattern", "megatron_config",
    "megatron_core", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
    "velora_config", "qalora_group_size", "alora_invocation_tokens", "runtime_config",
    "ensure_weight_tying",
}  # fmt: skip


def why_not_served(config: Mapping[str, Any]) -> str:
    """What our engine would compute wrongly, for the middle of a sentence; empty if nothing."""
    if config.get("peft_type") != "LORA":
        return "it is no LoRA adapter"
    for name, (plain, why) in _PLAIN.items():
        if (config.get(name) or plain) != plain:
            return f"its {name} is set: {why}"
    begun = config.get("init_lora_weights", True)
    named = begun.lower() if isinstance(begun, str) else begun
    if not isinstance(named, bool | str | None) or named not in _BEGINNINGS:
        return (
            f"its init_lora_weights is {str(begun)[:40]}, which changes the base's own matrices "
            "before the training begins, and the engine adds it to the unchanged ones"
        )
    if not _are_tokens(config.get("alora_invocation_tokens")):
        return "its alora_invocation_tokens are no list of tokens"
    for name in sorted(config.keys() - _PLAIN.keys() - _HARMLESS):
        if config[name]:
            return f"its {str(name)[:40]} is set, and what that changes is not known here"
    return ""


def _are_tokens(found: Any) -> bool:
    return found is None or (
        isinstance(found, list) and all(type(token) is int and token >= 0 for token in found)
    )
