"""The endpoint behind `response_url`s."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.sandbox.errors import ControlError, SlackError
from bot.sandbox.web_api.arguments import read_arguments
from bot.sandbox.workspace import Workspace


class Responses:
    """Takes an app's answers to interactions; the address itself is the permission."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def routes(self) -> list[Route]:
        return [Route("/actions/{team_id}/{secret}", self.answer, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        """Answer `ok`, or 404 once the address is used up, as Slack does."""
        try:
            arguments = await read_arguments(request)
            secret = request.path_params["secret"]
            self._workspace.app.response_urls.answer(secret, arguments.values)
        except SlackError as refusal:
            status = 404 if refusal.code in ("expired_url", "used_url") else 200
            return JSONResponse(refusal.body(), status)
        except ControlError as too_long:
            return PlainTextResponse(str(too_long), 413)
        return PlainTextResponse("ok")
