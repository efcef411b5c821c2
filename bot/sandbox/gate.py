"""Keeps other web sites out: a request must name this machine as its Host and its Origin."""

from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Gate:
    """
    Refuses foreign Host and Origin headers, so that a web page in somebody's browser can reach
    the sandbox neither directly nor by DNS rebinding.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...] = ()) -> None:
        self._app = app
        self._hosts = {*LOOPBACK, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (refusal := self._refusal(scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": refusal})
            else:
                await JSONResponse({"ok": False, "error": refusal}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if _name(f"//{host}") not in self._hosts:
            return f"This sandbox does not answer to the host name {host!r}; use localhost."
        origin = headers.get(b"origin")
        if origin is not None and _name(origin.decode("latin-1")) not in self._hosts:
            return "This sandbox takes no requests from other web sites."
        return None


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
