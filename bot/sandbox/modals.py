"""Modals and App Homes: opening, stacking, changing, closing; and the triggers that allow it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bot.sandbox.blocks import check_view
from bot.sandbox.changes import ChangeKind
from bot.sandbox.clock import new_id
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Payload
from bot.sandbox.views import MAX_STACK, View

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

TRIGGER_SECONDS = 3.0


class Modals:
    """The views people have open, and their homes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._triggers: dict[str, tuple[str, float, str | None]] = {}
        self._used: set[str] = set()

    def new_trigger(self, user: str, view_id: str | None = None) -> str:
        """Return a trigger id that opens one modal for this person within three seconds."""
        now = self._workspace.clock.now()
        trigger = f"{int(now * 1000)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[trigger] = (user, now, view_id)
        return trigger

    def stack(self, user: str) -> list[View]:
        """Return the modals a person has open, the topmost last."""
        views = [v for v in self._workspace.views.values() if v.user == user]
        by_previous = {v.previous_id: v for v in views}
        stack: list[View] = []
        while (view := by_previous.get(stack[-1].id if stack else None)) is not None:
            stack.append(view)
        return stack

    def open(self, trigger: str, content: Payload) -> View:
        """Raises: SlackError `expired_trigger_id`, `exchanged_trigger_id`, `invalid_trigger_id`."""
        content = check_view(content, "modal")
        self._check_external_id(content)
        user, _ = self._exchange(trigger)
        self.close_all(user)
        view_id = new_id("V")
        return self._keep(View(view_id, user, content, root_id=view_id))

    def push(self, trigger: str, content: Payload) -> View:
        """Put a modal on the one the trigger came from. Raises also `push_limit_reached`."""
        check_view(content, "modal")
        self._check_external_id(content)
        user, below_id = self._exchange(trigger)
        below = self._workspace.views.get(below_id or "")
        if below is None:
            raise SlackError("not_found")
        return self.put_on(below, user, content)

    def put_on(self, below: View, user: str, content: Payload) -> View:
        content = check_view(content, "modal")
        if len(self.stack(user)) >= MAX_STACK:
            raise SlackError("push_limit_reached")
        return self._keep(View(new_id("V"), user, content, below.root_id, below.id))

    def update(
        self, content: Payload, view_id: str | None, external_id: str | None, hash_: str | None
    ) -> View:
        """Raises: SlackError `not_found`, `hash_conflict`, `invalid_arguments`."""
        view = self._find(view_id, external_id)
        if hash_ is not None and hash_ != view.hash:
            raise SlackError("hash_conflict")
        return self.replace(view, content)

    def replace(self, view: View, content: Payload) -> View:
        content = check_view(content, view.type)
        view.content, view.errors = content, {}
        view.revision += 1
        blocks = {b.get("block_id") for b in content["blocks"]}
        view.values = {b: v for b, v in view.values.items() if b in blocks}
        return self._keep(view)

    def publish(self, user: str, content: Payload, hash_: str | None = None) -> View:
        """Show a home to a person. Raises: SlackError `user_not_found`, `not_enabled`, ..."""
        self._workspace.user(user)
        if not self._workspace.manifest.has_home:
            raise SlackError("not_enabled")
        content = check_view(content, "home")
        home = self._workspace.homes.get(user)
        if home is None:
            view_id = new_id("V")
            home = View(view_id, user, content, root_id=view_id)
        elif hash_ is not None and hash_ != home.hash:
            raise SlackError("hash_conflict")
        home.content = content
        home.revision += 1
        return self._keep(home)

    def close(self, view: View) -> None:
        """Take a modal and those above it away."""
        for above in self.stack(view.user)[::-1]:
            del self._workspace.views[above.id]
            self._workspace.changed(ChangeKind.VIEW, above.id, user=view.user)
            if above.id == view.id:
                return

    def close_all(self, user: str) -> None:
        for view in self.stack(user)[::-1]:
            self.close(view)

    def refuse(self, view: View, errors: dict[str, str]) -> None:
        """Show the sentences of `response_action: errors` at their blocks."""
        view.errors = errors
        self._keep(view)

    def _exchange(self, trigger: str) -> tuple[str, str | None]:
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user, created, view_id = self._triggers.pop(trigger)
        if self._workspace.clock.now() - created > TRIGGER_SECONDS:
            self._triggers[trigger] = (user, created, view_id)
            raise SlackError("expired_trigger_id")
        self._used.add(trigger)
        return user, view_id

    def _find(self, view_id: str | None, external_id: str | None) -> View:
        views = [*self._workspace.views.values(), *self._workspace.homes.values()]
        for view in views:
            if view.id == view_id:
                return view
            if external_id and view.content.get("external_id") == external_id:
                return view
        raise SlackError("not_found")

    def _check_external_id(self, content: Payload) -> None:
        external_id = content.get("external_id")
        taken = {v.content.get("external_id") for v in self._workspace.views.values()}
        if external_id and external_id in taken:
            raise SlackError("duplicate_external_id")

    def _keep(self, view: View) -> View:
        if view.type == "home":
            self._workspace.homes[view.user] = view
            self._workspace.changed(ChangeKind.HOME, view.user, user=view.user)
        else:
            self._workspace.views[view.id] = view
            self._workspace.changed(ChangeKind.VIEW, view.id, user=view.user)
        return view
