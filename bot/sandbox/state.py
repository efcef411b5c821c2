"""`GET /sandbox/state`: everything a test or a curious person may want to see."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bot.sandbox.messages import Message, Payload, to_state
from bot.sandbox.views import View
from bot.sandbox.web_api.users import shown_user
from bot.sandbox.workspace import Workspace


def state_of(workspace: Workspace, only: list[str] | None = None) -> Payload:
    """Return the workspace as JSON, or some keys of it. Lists are in order of time."""
    parts: dict[str, Callable[[], Any]] = {
        "users": lambda: [shown_user(u) for u in workspace.users.values()],
        "channels": lambda: [asdict(c) for c in workspace.channels.values()],
        "messages": lambda: _messages(workspace),
        "views": lambda: [_view(v) for v in workspace.views.values()],
        "homes": lambda: {user: home.to_slack() for user, home in workspace.homes.items()},
        "files": lambda: _files(workspace),
        "statuses": lambda: [asdict(s) for s in workspace.statuses.all()],
        "deliveries": lambda: [d.to_state() for d in workspace.deliveries.all.values()],
    }
    return {
        "ok": True,
        "connected": workspace.deliveries.is_connected,
        "version": workspace.changes.version,
        "team_id": workspace.team_id,
    } | {name: make() for name, make in parts.items() if only is None or name in only}


def _messages(workspace: Workspace) -> list[Payload]:
    messages: list[Message] = [
        m for channel in workspace.messages.values() for m in channel.values()
    ]
    messages = sorted([*messages, *workspace.ephemerals], key=lambda m: m.ts)
    return [to_state(m, workspace.files_of(m)) for m in messages]


def _view(view: View) -> Payload:
    return view.to_slack() | {"user": view.user, "errors": view.errors}


def _files(workspace: Workspace) -> list[Payload]:
    base_url, team_id = workspace.base_url, workspace.team_id
    return [f.to_slack(base_url, team_id) for f in workspace.files.values() if f.complete]
