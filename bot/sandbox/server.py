"""Puts the sandbox together and serves it: one process, one port, one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from bot.sandbox.acts import Control
from bot.sandbox.app_manifest import AppManifest, read_manifest
from bot.sandbox.clock import Clock
from bot.sandbox.control import ControlPaths
from bot.sandbox.downloads import Downloads
from bot.sandbox.errors import SandboxError
from bot.sandbox.faults import Faults
from bot.sandbox.gate import Gate
from bot.sandbox.journal import Journal
from bot.sandbox.limits import Limits
from bot.sandbox.options import Options
from bot.sandbox.past import load_past
from bot.sandbox.responses import Responses
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.web_api.dispatch import WebApi
from bot.sandbox.workspace import Workspace

JOURNAL_NAME = "sandbox.sqlite3"
EXPIRY_SECONDS = 1.0


class PortInUseError(SandboxError):
    """Raised when another program listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is in use: stop what runs there, or choose another --port."
        )


class Sandbox:
    """A workspace with everything that serves it; `app` is the ASGI application."""

    def __init__(self, options: Options) -> None:
        self.options = options
        manifest = read_manifest(options.manifest) if options.manifest else AppManifest()
        clock = Clock()
        self.workspace = Workspace(
            clock, manifest, f"http://localhost:{options.port}", options.stream_seconds
        )
        self.socket_mode = SocketMode(self.workspace, options.timing)
        self.faults = Faults()
        self.limits = Limits(clock, strict=options.strict_limits)
        self.journal: Journal | None = None
        if options.home is not None:
            self.journal = Journal(self.workspace, options.home / JOURNAL_NAME)
            self.journal.load()
        if options.history is not None:
            load_past(self.workspace, options.history)
        self.app = self._build()

    def _build(self) -> Starlette:
        if not self.options.has_page:
            app = Starlette(lifespan=self._life)
            self._add_routes(app)
            return app
        # Only here: what the page needs takes seconds to import, and tests do without it.
        from fastapi import FastAPI

        from bot.sandbox.page import mount

        page = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._life)
        self._add_routes(page)
        mount(page, self.workspace)
        return page

    def _add_routes(self, app: Starlette) -> None:
        app.add_middleware(Gate, hosts=self.options.hosts)
        control = Control(self.workspace, self.socket_mode, self.faults)
        api = WebApi(self.workspace, self.socket_mode, self.limits, self.faults)
        app.router.routes += [
            Route("/api/{method:path}", api.__call__, methods=["GET", "POST"]),
            WebSocketRoute("/link", self.socket_mode.serve),
            *ControlPaths(control).routes(),
            *Downloads(self.workspace).routes(),
            *Responses(self.workspace).routes(),
        ]

    @contextlib.asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        expiry = asyncio.create_task(self._expire_streams())
        yield
        expiry.cancel()
        if self.journal is not None:
            self.journal.close()

    async def _expire_streams(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_SECONDS)
            self.workspace.streams.expire()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises: PortInUseError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise PortInUseError(host, port) from None
    return listener


def server_of(sandbox: Sandbox) -> uvicorn.Server:
    """Return the server; run it with `serve(sockets=[listen(...)])`."""
    config = uvicorn.Config(
        sandbox.app,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=1_000_000,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)
