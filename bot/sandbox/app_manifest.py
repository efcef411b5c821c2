"""The one app installed in the workspace: its scopes, events, commands and shortcuts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The built-in app grants and offers what the project's own manifest does; a test compares them.
DEFAULT_SCOPES = (
    "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write",
    "commands", "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write",
    "reactions:read", "users:read",
)  # fmt: skip
DEFAULT_EVENTS = (
    "app_home_opened", "app_mention", "app_uninstalled", "channel_archive", "channel_deleted",
    "channel_shared", "channel_unarchive", "channel_unshared", "group_archive", "group_deleted",
    "group_unarchive", "member_joined_channel", "member_left_channel", "message.channels",
    "message.groups", "message.im", "reaction_added", "reaction_removed", "tokens_revoked",
    "user_change",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command people can type; `command` begins with a slash."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut in the menus; `type` is `message` or `global`."""

    callback_id: str
    name: str
    type: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class AppManifest:
    """What an app manifest grants and offers."""

    name: str = "Apprentice"
    description: str = "Learns from your team"
    scopes: frozenset[str] = frozenset(DEFAULT_SCOPES)
    events: frozenset[str] = frozenset(DEFAULT_EVENTS)
    commands: tuple[SlashCommand, ...] = (
        SlashCommand("/apprentice", "Teach, train and ask Apprentice", "help"),
    )
    shortcuts: tuple[Shortcut, ...] = (
        Shortcut("teach_answer", "Teach this answer", "message"),
        Shortcut("add_example", "Add a question and answer", "global"),
    )
    has_home: bool = True
    prompts: tuple[tuple[str, str], ...] = ()
    """Suggested prompts of the agent view, each a title and a message."""

    def command(self, name: str) -> SlashCommand | None:
        return next((c for c in self.commands if c.command == name), None)

    def shortcut(self, callback_id: str) -> Shortcut | None:
        return next((s for s in self.shortcuts if s.callback_id == callback_id), None)


def read_manifest(path: Path) -> AppManifest:
    """Read Slack's manifest file (JSON). Raises OSError, ValueError or KeyError when it is none."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    features = content.get("features", {})
    home = features.get("app_home", {})
    agent = features.get("agent_view", {}) or features.get("assistant_view", {})
    return AppManifest(
        name=content["display_information"]["name"],
        description=content["display_information"].get("description", ""),
        scopes=frozenset(content["oauth_config"]["scopes"].get("bot", ())),
        events=frozenset(
            content.get("settings", {}).get("event_subscriptions", {}).get("bot_events", ())
        ),
        commands=tuple(
            SlashCommand(
                c["command"],
                c.get("description", ""),
                c.get("usage_hint", ""),
                c.get("should_escape", False),
            )
            for c in features.get("slash_commands", ())
        ),
        shortcuts=tuple(
            Shortcut(s["callback_id"], s["name"], s["type"], s.get("description", ""))
            for s in features.get("shortcuts", ())
        ),
        has_home=home.get("home_tab_enabled", False),
        prompts=tuple((p["title"], p["message"]) for p in agent.get("suggested_prompts", ()) or ()),
    )
