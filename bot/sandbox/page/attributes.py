"""What an interactive element carries so that the browser can report what was done to it."""

import json
from typing import Any

from bot.sandbox.page import text
from bot.sandbox.page.frame import Block

Attributes = dict[str, Any]


def attributes(element: Block, block_id: str) -> Attributes:
    """What the browser needs to report a press."""
    found = {
        "data_action": element.get("action_id", ""),
        "data_block": block_id,
        "data_type": element.get("type"),
        "data_testid": f"action-{element.get('action_id', '')}",
    }
    if confirm := element.get("confirm"):
        found["data_confirm"] = json.dumps(
            {name: text.words(confirm.get(name)) for name in ("title", "text", "confirm", "deny")}
            | {"style": confirm.get("style", "primary")}
        )
    return found
