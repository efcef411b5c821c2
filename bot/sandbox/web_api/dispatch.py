"""Takes a request to a method: who calls, may they, how often; and answers as Slack does."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.errors import ControlError, RateLimitedError, SlackError
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.limits import Limits
from bot.sandbox.messages import Payload
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.web_api import (  # noqa: F401 - importing enters the methods into the table
    apps,
    assistant,
    chat,
    conversations,
    files,
    reactions,
    users,
    views,
)  # fmt: skip
from bot.sandbox.web_api.access import Caller, caller_of
from bot.sandbox.web_api.arguments import Arguments, read_arguments
from bot.sandbox.web_api.methods import METHODS, Call, Method
from bot.sandbox.workspace import Workspace


class DroppedResponse(Response):
    """Announces a body and sends none, so that the server cuts the connection."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class WebApi:
    """The endpoint `/api/{method}`."""

    def __init__(
        self, workspace: Workspace, socket_mode: SocketMode, limits: Limits, faults: Faults
    ) -> None:
        self._workspace = workspace
        self._socket_mode = socket_mode
        self._limits = limits
        self._faults = faults

    async def __call__(self, request: Request) -> Response:
        """Answer one call; refusals are 200 with `ok: false`, rate limits 429."""
        name = request.path_params["method"]
        try:
            arguments = await read_arguments(request)
        except SlackError as refusal:
            return JSONResponse(refusal.body())
        except ControlError as too_long:
            return JSONResponse(SlackError("invalid_arguments", str(too_long)).body(), 413)
        fault = self._faults.take(name, arguments.values.get("channel"))
        if fault is not None and fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        if fault is not None and fault.stage == "before" and (bad := faulty(fault)) is not None:
            return bad
        response = self._answer(name, request, arguments)
        if fault is not None and fault.stage == "after" and (bad := faulty(fault)) is not None:
            return bad
        return response

    def _answer(self, name: str, request: Request, arguments: Arguments) -> Response:
        headers: dict[str, str] = {}
        try:
            method = method_named(name)
            caller = caller_of(request, arguments, self._workspace)
            headers = scope_headers(caller, method)
            body = self._run(method, caller, arguments, request)
        except RateLimitedError as refusal:
            headers["Retry-After"] = str(refusal.retry_after)
            return JSONResponse(refusal.body(), 429, headers)
        except SlackError as refusal:
            return JSONResponse(refusal.body(), 200, headers)
        return JSONResponse(body, 200, headers)

    def _run(
        self, method: Method, caller: Caller, arguments: Arguments, request: Request
    ) -> Payload:
        if method.is_app_level != caller.is_app_level and method.name != "auth.test":
            raise SlackError("not_allowed_token_type")
        caller.check_scope(method.scopes)
        if caller.is_app:
            self._limits.check_method(method.name, method.tier)
            if method.name == "chat.postMessage":
                self._limits.check_post(str(arguments.values.get("channel")))
        address = request.headers.get("host", "")
        body = method.run(Call(self._workspace, self._socket_mode, caller, arguments, address))
        answer: Payload = {"ok": True, **body}
        if arguments.warnings:
            metadata = answer.setdefault("response_metadata", {})
            metadata["warnings"] = arguments.warnings
            answer["warning"] = ",".join(arguments.warnings)
        return answer


def method_named(name: str) -> Method:
    """Raises: SlackError `unknown_method`."""
    try:
        return METHODS[name]
    except KeyError:
        raise SlackError("unknown_method", req_method=name) from None


def scope_headers(caller: Caller, method: Method) -> dict[str, str]:
    """Return the headers in which Slack tells what a token may do and a method needs."""
    return {
        "x-oauth-scopes": ",".join(sorted(caller.scopes or ())),
        "x-accepted-oauth-scopes": ",".join(method.scopes),
    }


def faulty(fault: Fault) -> Response | None:
    """Return the answer a fault puts in place of the true one; None where it only delays."""
    if fault.drop:
        return DroppedResponse()
    if fault.retry_after is not None:
        refusal = SlackError("ratelimited").body()
        return JSONResponse(refusal, 429, {"Retry-After": str(fault.retry_after)})
    if fault.http_status is not None:
        return Response("The sandbox was asked to fail.", fault.http_status)
    if fault.error is not None:
        return JSONResponse(SlackError(fault.error).body())
    return None
