"""
Counts tokens as the base model would, from its GGUF file alone: no engine, no model library.

Knows byte-level BPE, which most small models use. Of others, and where `gguf` or `tokenizers` is
not installed, counts are estimates and say so.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Messages = Sequence[Mapping[str, Any]]
_CONTROL, _USER_DEFINED = 3, 4


class Vocabulary:
    """``is_exact`` is False where tokens are estimated from characters; ``note`` says why."""

    def __init__(self, count: Callable[[Messages], int], note: str = "") -> None:
        self._count = count
        self.note = note

    @property
    def is_exact(self) -> bool:
        return not self.note

    def count(self, messages: Messages) -> int:
        """Tokens of a whole chat, the chat template's included."""
        return self._count(messages)


def vocabulary_of(gguf_path: Path) -> Vocabulary:
    """Read the tokenizer and the chat template out of a GGUF file; takes a second or two."""
    try:
        return Vocabulary(_read(gguf_path))
    except ImportError:
        return estimating("this installation has no tokenizer")
    except (KeyError, ValueError) as error:
        return estimating(f"the base model's tokenizer is not known here ({error})")


def estimating(why: str) -> Vocabulary:
    """Count by characters, rather too many than too few."""
    return Vocabulary(_estimate, why)


def _estimate(messages: Messages) -> int:
    from bot.engines.openai_api import CHARACTERS_PER_TOKEN, TOKENS_PER_TURN

    characters = sum(len(str(message["content"])) for message in messages)
    return characters // CHARACTERS_PER_TOKEN + TOKENS_PER_TURN * len(messages)


def _read(path: Path) -> Callable[[Messages], int]:
    import gguf
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    fields = gguf.GGUFReader(path).fields
    kind = fields["tokenizer.ggml.model"].contents()
    if kind != "gpt2":
        raise ValueError(f"it is of kind {kind}")
    tokenizer = _tokenizer(
        fields["tokenizer.ggml.tokens"].contents(),
        fields["tokenizer.ggml.token_type"].contents(),
        fields["tokenizer.ggml.merges"].contents(),
        fields["tokenizer.ggml.pre"].contents(),
    )
    # The template comes with the model: it runs where it can reach nothing.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(fields["tokenizer.chat_template"].contents())

    def count(messages: Messages) -> int:
        text = template.render(messages=messages, add_generation_prompt=False)
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count


def _tokenizer(tokens: list[str], types: list[int], merges: list[str], split: str) -> Any:
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import BPE

    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    tokenizer = Tokenizer(BPE({token: i for i, token in enumerate(tokens)}, pairs))
    tokenizer.pre_tokenizer = _pre_tokenizer(split)
    special = [
        AddedToken(token, normalized=False, special=kind == _CONTROL)
        for token, kind in zip(tokens, types, strict=True)
        if kind in (_CONTROL, _USER_DEFINED)
    ]
    tokenizer.add_special_tokens([token for token in special if token.special])
    tokenizer.add_tokens([token for token in special if not token.special])
    return tokenizer


def _pre_tokenizer(split: str) -> Any:
    from tokenizers import Regex, pre_tokenizers

    from bot.engines.hf_tokenizer import GPT2_SPLIT, SPLITS

    own_rule = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if split == GPT2_SPLIT:
        return own_rule
    if split == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), own_rule])
    patterns = {name: pattern for pattern, name in SPLITS.items()}
    if split not in patterns:
        raise ValueError(f"it splits text as {split}")
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(patterns[split]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
