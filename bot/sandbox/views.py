"""Modals and App Homes as values, and their shape in Slack's JSON."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.people import APP_ID, BOT_ID, TEAM_ID

Payload = dict[str, Any]
MAX_STACK = 3


@dataclass(slots=True)
class View:
    """
    A modal or home that a person has open. `content` is what the app sent (type, title, blocks,
    callback_id, private_metadata, ...), `values` what the person has filled in so far
    (block_id -> action_id -> element state), `errors` what the last submission refused
    (block_id -> sentence).
    """

    id: str
    user: str
    content: Payload
    root_id: str
    previous_id: str | None = None
    values: dict[str, dict[str, Payload]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    revision: int = 0
    team_id: str = TEAM_ID

    @property
    def type(self) -> str:
        return str(self.content["type"])

    @property
    def hash(self) -> str:
        """Change with every update, as Slack's does."""
        content = json.dumps(self.content, sort_keys=True)
        digest = hashlib.sha256(f"{self.revision} {content}".encode()).hexdigest()
        return f"{self.revision}.{digest[:8]}"

    def to_slack(self) -> Payload:
        """Return the `view` object of responses and interaction payloads."""
        content = self.content
        return {
            "id": self.id,
            "team_id": self.team_id,
            "type": self.type,
            "blocks": content["blocks"],
            "private_metadata": content.get("private_metadata", ""),
            "callback_id": content.get("callback_id", ""),
            "state": {"values": self.values},
            "hash": self.hash,
            "title": content.get("title"),
            "clear_on_close": content.get("clear_on_close", False),
            "notify_on_close": content.get("notify_on_close", False),
            "close": content.get("close"),
            "submit": content.get("submit"),
            "submit_disabled": content.get("submit_disabled", False),
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "app_id": APP_ID,
            "external_id": content.get("external_id", ""),
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }
