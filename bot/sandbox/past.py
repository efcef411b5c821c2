"""What was said before the workspace was first opened, from a file; only into an empty one."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.sandbox.changes import ChangeKind
from bot.sandbox.markup import as_typed, rich_text
from bot.sandbox.messages import Message, Reaction

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace


def load_past(workspace: Workspace, path: Path) -> None:
    """
    Put the messages of `path` into a workspace in which nothing was said yet; no event is sent.

    The file holds `{"messages": [{"channel", "user", "ts", "thread_ts"?, "text", "reactions"?}]}`,
    oldest first; reactions map a name to the ids of those who reacted.

    Raises: OSError, ValueError or KeyError where the file cannot be read as that.
    """
    messages = json.loads(path.read_text("utf-8"))["messages"]
    if any(workspace.messages.values()):
        return
    for past in messages:
        message = _message(workspace, past)
        workspace.messages[message.channel][message.ts] = message
        where = {"channel": message.channel, "thread_ts": message.thread_ts}
        workspace.changed(ChangeKind.MESSAGE, message.ts, **where)


def _message(workspace: Workspace, past: dict[str, Any]) -> Message:
    text = as_typed(workspace, past["text"])
    return Message(
        channel=workspace.channels[past["channel"]].id,
        ts=past["ts"],
        user=past["user"],
        text=text,
        team=workspace.users[past["user"]].team_id,
        blocks=rich_text(text),
        thread_ts=past.get("thread_ts"),
        client_msg_id=secrets.token_hex(16),
        reactions=[Reaction(name, users) for name, users in past.get("reactions", {}).items()],
    )
