"""
A byte-level BPE ``tokenizer.json`` as llama.cpp's metadata.

llama.cpp splits text by rules it knows by name; the name is looked up by the rule itself, never
guessed from the model's name.
"""

import json
from pathlib import Path
from typing import Any

import gguf

GPT2_SPLIT = "gpt-2"
#: The regular expression of a tokenizer's splitting rule → llama.cpp's name for it.
SPLITS = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+": "qwen2",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+": "llama-bpe",
}


def add_tokenizer(writer: gguf.GGUFWriter, folder: Path) -> None:
    """
    Add vocabulary, merges, special tokens and chat template.

    Raises:
        ValueError: what about it llama.cpp could not follow.
        OSError: a file is missing.
    """
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    model = tokenizer["model"]
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        raise ValueError("its tokenizer is not byte-level BPE")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_split_name(tokenizer.get("pre_tokenizer") or {}))
    tokens, types = _tokens(tokenizer, json.loads((folder / "config.json").read_text()))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)
    writer.add_chat_template(_chat_template(folder, config))
    ids = {token: number for number, token in enumerate(tokens)}
    for role, add in (
        ("bos_token", writer.add_bos_token_id),
        ("eos_token", writer.add_eos_token_id),
        ("pad_token", writer.add_pad_token_id),
    ):
        token = config.get(role)
        token = token["content"] if isinstance(token, dict) else token
        if token in ids:
            add(ids[token])


def _tokens(tokenizer: dict[str, Any], config: dict[str, Any]) -> tuple[list[str], list[int]]:
    known = {number: token for token, number in tokenizer["model"]["vocab"].items()}
    types = dict.fromkeys(known, gguf.TokenType.NORMAL)
    for added in tokenizer.get("added_tokens", []):
        known[added["id"]] = added["content"]
        special = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        types[added["id"]] = special
    # Some models have more embeddings than tokens.
    for number in range(config["vocab_size"]):
        known.setdefault(number, f"[PAD{number}]")
        types.setdefault(number, gguf.TokenType.UNUSED)
    order = sorted(known)
    return [known[number] for number in order], [int(types[number]) for number in order]


def _split_name(pre_tokenizer: dict[str, Any]) -> str:
    parts = pre_tokenizer.get("pretokenizers") or [pre_tokenizer]
    byte_level = [part for part in parts if part["type"] == "ByteLevel"]
    others = [part for part in parts if part["type"] != "ByteLevel"]
    if byte_level and byte_level[0].get("use_regex", True):
        if not others:
            return GPT2_SPLIT
        if others == [{"type": "Digits", "individual_digits": True}]:
            return "smollm"
    patterns = [part.get("pattern", {}).get("Regex") for part in others]
    if len(patterns) == 1 and patterns[0] in SPLITS:
        return SPLITS[patterns[0]]
    raise ValueError("its tokenizer splits text by a rule that is not known here")


def _chat_template(folder: Path, config: dict[str, Any]) -> str:
    path = folder / "chat_template.jinja"
    template = path.read_text() if path.exists() else config.get("chat_template")
    if template is None:
        raise ValueError("it has no chat template, so it is no instruct model")
    return str(template)
