"""
What sets one OpenAI-shaped provider apart from the next, as plain values. Pure.

Dates, endpoints and quirks are those of docs/trainers.md, which says what was verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Quirks:
    """How a provider's wire differs from OpenAI's; the defaults are OpenAI's."""

    has_metadata: bool = True  # jobs carry metadata and can be listed by it
    byte_order_mark: bool = False  # training files begin with one
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    suffix_characters: int = 64
    has_models: bool = True  # `models.retrieve` knows the base
    #: Ours by the provider's name; None: it takes ``method`` as OpenAI does.
    hyperparameters: Mapping[str, Any] | None = None
    fewest_rows: int = 1
    hands_out_adapters: bool = False  # checkpoints have files to download
    can_pause: bool = True  # jobs have ``pause`` and ``resume``


@dataclass(frozen=True)
class Provider:
    """
    One configured provider. ``model`` empty is the first one its server lists; ``key_variable``
    and ``address_variable`` are what an admin has to set.
    """

    name: str
    base_url: str
    api_key: str = field(repr=False)
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    quirks: Quirks = Quirks()


OPENAI_URL = "https://api.openai.com/v1"
#: The last one that can be tuned and served there, until 14 January 2027.
OPENAI_MODEL = "gpt-4.1-mini-2025-04-14"
OPENAI = Quirks(fewest_rows=10)


def openai_provider(api_key: str, base_url: str = "", model: str = "") -> Provider:
    """OpenAI, or whatever server speaks its wire at ``base_url``."""
    if base_url and base_url.rstrip("/") != OPENAI_URL:
        return Provider("openai", base_url, api_key, model)
    return Provider("openai", OPENAI_URL, api_key, model or OPENAI_MODEL, quirks=OPENAI)


def azure_provider(
    api_key: str, endpoint: str, model: str = "", training_type: str = "GlobalStandard"
) -> Provider:
    """Azure's v1 endpoint; ``endpoint`` is the resource's, as the portal shows it."""
    address = endpoint.rstrip("/").removesuffix("/openai/v1")
    quirks = Quirks(
        has_metadata=False,
        byte_order_mark=True,
        extra_body={"trainingType": training_type},
        suffix_characters=18,
        has_models=False,
        fewest_rows=10,
    )
    return Provider(
        "azure",
        f"{address}/openai/v1/",
        api_key,
        model or OPENAI_MODEL,
        key_variable="AZURE_API_KEY",
        quirks=quirks,
    )


def nebius_provider(
    api_key: str, model: str = "", base_url: str = "https://api.tokenfactory.nebius.com/v1/"
) -> Provider:
    """Nebius takes LoRA's own numbers; its learning rate is absolute."""
    lora = {"lora": True, "lora_r": 16, "lora_alpha": 32, "packing": False, "learning_rate": 2e-4}
    quirks = Quirks(
        has_metadata=False,
        has_models=False,
        hyperparameters={"n_epochs": 3, **lora},
        fewest_rows=10,
        hands_out_adapters=True,
        can_pause=False,
    )
    return Provider(
        "nebius",
        base_url,
        api_key,
        model or "meta-llama/Meta-Llama-3.1-8B-Instruct",
        key_variable="NEBIUS_API_KEY",
        quirks=quirks,
    )
