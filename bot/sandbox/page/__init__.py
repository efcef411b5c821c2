"""The sandbox's page in the browser; `mount` puts it on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bot.sandbox.workspace import Workspace


def mount(app: FastAPI, workspace: Workspace) -> None:
    """Serve the page at every path that `app` has no route for. Call once, after all routes."""
    # Only here: NiceGUI takes a second to import, and the renderers are used without it.
    from bot.sandbox.page.shell import serve

    serve(app, workspace)


__all__ = ["mount"]
