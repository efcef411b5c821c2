"""
Going wrong on purpose, for tests: ``POST /faults`` arranges what the next requests meet.

There only where the service was started with it; no key may reach it from outside.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Fault:
    """
    What ``times`` requests of ``method`` whose path contains ``path`` meet.

    ``kind``: ``status`` (answers ``status`` with ``body`` and ``headers``), ``timeout`` (silence
    for ``seconds``), ``drop`` (the connection breaks), ``lost`` (does what was asked, then the
    connection breaks), ``html`` (a proxy's page).
    """

    kind: str
    path: str = ""
    method: str = ""
    times: int = 1
    status: int = 500
    seconds: float = 1.0
    body: Any = None
    headers: dict[str, str] | None = None

    def meets(self, scope: Scope) -> bool:
        fits = self.method in ("", scope["method"]) and self.path in scope["path"]
        return fits and self.times > 0


class Faults:
    """Middleware that holds the arranged faults; the first that fits is used."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arranged: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == "/faults":
            await self._arrange(scope, receive, send)
            return
        fault = next((fault for fault in self._arranged if fault.meets(scope)), None)
        if fault is None:
            await self._app(scope, receive, send)
            return
        fault.times -= 1
        await self._go_wrong(fault, scope, receive, send)

    async def _arrange(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).json()
        self._arranged = [] if not body else [*self._arranged, Fault(**body)]
        await JSONResponse({"ok": True})(scope, receive, send)

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            error = {"message": "Arranged.", "type": "arranged", "param": None, "code": None}
            body = fault.body or {"error": error}
            await JSONResponse(body, fault.status, fault.headers)(scope, receive, send)
        elif fault.kind == "html":
            page = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
            await Response(page, fault.status, media_type="text/html")(scope, receive, send)
        elif fault.kind == "lost":
            await self._app(scope, receive, _unheard)
            raise ConnectionResetError
        else:
            await asyncio.sleep(fault.seconds if fault.kind == "timeout" else 0)
            raise ConnectionResetError


async def _unheard(message: Message) -> None:
    """Send nothing."""
