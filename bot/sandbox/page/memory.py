"""What all tabs share and nobody needs to keep: reading positions, pressed buttons, the guide."""

from collections.abc import Mapping

from bot.sandbox.changes import Change
from bot.sandbox.page.guide import Progress
from bot.sandbox.page.standing import Unread
from bot.sandbox.workspace import Workspace


class Memory:
    """Lives as long as the server; one for the workspace, handed to each tab."""

    def __init__(self, workspace: Workspace) -> None:
        self.unread = Unread(workspace)
        self.progress = Progress(workspace)
        self.progress.read_all()
        self.was_connected = False
        self._workspace = workspace
        self._pressed: dict[tuple[str, str], dict[str, str]] = {}
        workspace.changes.subscribe(self._notice)

    def press(self, viewer: str, ts: str, action: str, value: object) -> None:
        """Remember which of a message's choices a person took last."""
        if isinstance(value, str):
            self._pressed.setdefault((viewer, ts), {})[action] = value

    def pressed(self, viewer: str, ts: str) -> Mapping[str, str]:
        """The choices a person took on a message."""
        return self._pressed.get((viewer, ts), {})

    def _notice(self, change: Change) -> None:
        self.progress.notice(change)
        self.was_connected = self.was_connected or self._workspace.deliveries.is_connected
