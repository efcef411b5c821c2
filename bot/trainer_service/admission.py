"""
Whose request it is, before its body is read: FastAPI asks its dependencies only once the body lies
in memory or in a file.

What is refused, as a stranger's or as too long, is read to its end and thrown away: who is still
sending would lose the answer with the connection.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.trainer_service.errors import ApiError
from bot.trainer_service.keys import owner_of

_TOO_LONG = 413


class Admission:
    """Middleware that keeps nothing of a stranger's."""

    def __init__(self, app: ASGIApp, keys: Mapping[str, str]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1"):
            await self._app(scope, receive, send)
            return
        body = _Body(receive)

        async def answer(message: Message) -> None:
            if message.get("status") == _TOO_LONG:
                await body.drain()
            await send(message)

        headers = Request(scope).headers
        try:
            owner_of(self._keys, headers.get("authorization", ""), headers.get("api-key", ""))
        except ApiError as refusal:
            await body.drain()
            await JSONResponse(refusal.body, refusal.status)(scope, receive, send)
            return
        await self._app(scope, body, answer)


class _Body:
    """What comes in, and whether all of it came."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_whole = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._is_whole = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        while not self._is_whole:
            await self()
