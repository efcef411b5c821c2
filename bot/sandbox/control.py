"""
The control paths under `/sandbox/`: what people can do that Slack's API cannot do for them, and
what tests arrange. A wrong request is a 400 with a sentence.
"""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.acts import PEOPLES_ACTS, Act, Control
from bot.sandbox.arrangements import ARRANGEMENTS
from bot.sandbox.bodies import read_body
from bot.sandbox.errors import ControlError, SlackError
from bot.sandbox.messages import Payload
from bot.sandbox.state import state_of


class ControlPaths:
    """The endpoints."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> list[Route]:
        acts = [
            Route(f"/sandbox/{name}", self._endpoint(act), methods=["POST"])
            for name, act in (PEOPLES_ACTS | ARRANGEMENTS).items()
        ]
        return [*acts, Route("/sandbox/state", self.state), Route("/sandbox/health", self.health)]

    async def state(self, request: Request) -> Response:
        """Answer with everything or the keys of `only=a,b`; 503 while the bot is not connected."""
        workspace = self._control.workspace
        status = 200 if workspace.deliveries.is_connected else 503
        only = request.query_params.get("only")
        return JSONResponse(state_of(workspace, only.split(",") if only else None), status)

    async def health(self, request: Request) -> Response:
        """Answer 200 as soon as the sandbox serves, connected bot or not."""
        connections = len(self._control.socket_mode.connections)
        return JSONResponse({"ok": True, "connections": connections})

    def _endpoint(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await act(self._control, await _body(request))
            except ControlError as wrong:
                return JSONResponse({"ok": False, "error": str(wrong)}, 400)
            except SlackError as refusal:
                sentence = f"Slack would refuse this: {refusal.code}."
                answer = {"ok": False, "error": sentence, "code": refusal.code}
                return JSONResponse(answer, 400)
            return JSONResponse({"ok": True, **body})

        return endpoint


async def _body(request: Request) -> Payload:
    try:
        body = json.loads(await read_body(request))
    except ValueError:
        raise ControlError("The body must be JSON.") from None
    if not isinstance(body, dict):
        raise ControlError("The body must be a JSON object.")
    return body
