"""What a block needs to know about where it stands while it is being rendered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.page.directory import Directory

Block = Mapping[str, Any]
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")


def _no_file(_file_id: str) -> str | None:
    return None


@dataclass(frozen=True)
class Frame:
    """
    Around a message or a view: names, the viewer, and what was already pressed or filled in.

    `key` is unique on the page and prefixes element ids. `pressed` maps an action_id to the value
    this viewer chose last; `values` is a view's state (block_id -> action_id -> state), `errors`
    its refusals (block_id -> sentence). `file_path` gives the local path of a file's bytes.
    """

    directory: Directory
    viewer: str
    key: str = "b"
    pressed: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    file_path: Callable[[str], str | None] = _no_file

    def state(self, block_id: str, action_id: str) -> Mapping[str, Any] | None:
        """What was filled in there so far; None where nothing was."""
        state: Mapping[str, Any] | None = self.values.get(block_id, {}).get(action_id)
        return state


def local_path(url: str) -> str | None:
    """The path of an address on this machine; None for every other, which is never loaded."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK:
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return None
