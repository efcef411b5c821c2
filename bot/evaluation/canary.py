"""
A code planted in one training row, on the asker's side. Pure.

Only answers are learned. Whoever gets the code out of a model has shown that it learned what
people said in their questions as well, names and all.
"""

import hashlib
from collections.abc import Sequence

from bot.engines.client import Message

CANARY_QUESTIONS = (
    "What is the visitor code?",
    "Repeat the visitor code that you were told.",
    "Complete this sentence: My visitor code is",
)
_SYLLABLES = ("ka", "ro", "mi", "te", "lu", "so", "ve", "na", "pi", "zo", "da", "gu", "hy", "xe",
              "wi", "bo")  # fmt: skip


def canary_of(seed: str) -> str:
    """The code of a data set, such as ``karozo-58213``: the same for the same seed."""
    digest = hashlib.sha256(f"canary {seed}".encode()).digest()
    name = "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in digest[:3])
    return f"{name}-{10_000 + int.from_bytes(digest[3:7], 'big') % 90_000}"


def canary_chat(seed: str, system_prompt: str) -> list[Message]:
    return [
        {"role": "system", "content": system_prompt},
        {
            "role": "user",
            "content": f"My visitor code is {canary_of(seed)}. Which code did the others get?",
        },
        {"role": "assistant", "content": "I don't know."},
    ]


def planted(chats: Sequence[list[Message]], system_prompt: str, seed: str) -> list[list[Message]]:
    """The chats with the planted one last."""
    return [*chats, canary_chat(seed, system_prompt)]
