"""Mounts the page on the sandbox's server: its root and its own files.

NiceGUI carries the connection, the tab's life and its own assets; the page's content is drawn in
Python and patched in the browser (assets/morph.js). A content policy keeps every request here.
"""

import hashlib
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import Client, ui

from bot.sandbox.page import acts, session
from bot.sandbox.page.drawing import html
from bot.sandbox.page.icons import FAVICON
from bot.sandbox.page.layout import skeleton
from bot.sandbox.page.memory import Memory
from bot.sandbox.page.session import Order, Session
from bot.sandbox.workspace import Workspace

ASSETS = Path(__file__).parent / "assets"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'"
)
# Vue and NiceGUI build functions from strings, hence 'unsafe-eval'; messages never reach them.
START = "(window.Page ? Page.start() : addEventListener('page-ready', () => Page.start()))"


def serve(app: FastAPI, workspace: Workspace) -> None:
    """Mount everything; see `bot.sandbox.page.mount`."""
    memory = Memory(workspace)
    version = _version()
    app.mount(f"/_page/{version}", StaticFiles(directory=ASSETS), name="page-assets")

    def root() -> None:
        _build(workspace, memory, version)

    ui.run_with(
        app,
        root=root,
        title="Apprentice sandbox",
        favicon=FAVICON,
        dark=None,
        tailwind=False,
        viewport="width=device-width, initial-scale=1, viewport-fit=cover",
        reconnect_timeout=10.0,
        message_history_length=200,
        show_welcome_message=False,
        binding_refresh_interval=None,
    )


def _build(workspace: Workspace, memory: Memory, version: str) -> None:
    client: Client = ui.context.client
    base = f"/_page/{version}"
    ui.add_head_html(
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="referrer" content="no-referrer">'
        f'<link rel="stylesheet" href="{base}/styles.css">'
        f'<script type="module" src="{base}/page.js"></script>'
    )
    ui.add_body_html(html(skeleton()))

    def tell(orders: list[Order]) -> None:
        client.run_javascript(session.script(orders))

    tab = Session(workspace, memory, tell)

    def reported(event: Any) -> None:
        acts.do(tab, event.args)

    ui.on("page", reported)
    client.on_connect(lambda: client.run_javascript(START))
    client.on_delete(tab.end)


def _version() -> str:
    content = b"".join(path.read_bytes() for path in sorted(ASSETS.iterdir()))
    return hashlib.sha256(content).hexdigest()[:10]
