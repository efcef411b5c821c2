"""The bytes of files: taken at upload addresses, given to those with a token and to the page."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.sandbox.bodies import read_body
from bot.sandbox.errors import ControlError, SlackError
from bot.sandbox.messages import File
from bot.sandbox.uploads import MAX_FILE_BYTES
from bot.sandbox.web_api.access import caller_of
from bot.sandbox.web_api.arguments import Arguments
from bot.sandbox.workspace import Workspace

# Shown in place; anything else could be a page that runs as ours, so it is only downloaded.
SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}


class Downloads:
    """The addresses of files."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def routes(self) -> list[Route]:
        return [
            Route("/upload/v1/{ticket}", self.upload, methods=["POST", "PUT"]),
            Route("/files-pri/{team_file}/{name}", self.private),
            Route("/sandbox/file/{file_id}", self.page),
        ]

    async def upload(self, request: Request) -> Response:
        try:
            content = await read_body(request, MAX_FILE_BYTES + 100_000)
            if request.headers.get("content-type", "").startswith("multipart/form-data"):
                content = await _part(request)
            file = self._workspace.uploads.receive(request.path_params["ticket"], content)
        except (SlackError, ControlError) as refusal:
            return PlainTextResponse(str(refusal), 400)
        return PlainTextResponse(f"OK - {file.size}")

    async def private(self, request: Request) -> Response:
        """Give a file to the holder of a token who can see it."""
        _, _, file_id = request.path_params["team_file"].partition("-")
        try:
            caller = caller_of(request, Arguments({}), self._workspace)
            caller.check_scope(("files:read",))
        except SlackError as refusal:
            return PlainTextResponse(refusal.code, 403)
        file = self._workspace.files.get(file_id)
        if file is None or not self._workspace.uploads.can_see(caller.user, file):
            return PlainTextResponse("file_not_found", 404)
        return self._given(file)

    async def page(self, request: Request) -> Response:
        """Give a file to the page, which may show what any person sees."""
        file = self._workspace.files.get(request.path_params["file_id"])
        if file is None or not file.complete:
            return PlainTextResponse("file_not_found", 404)
        return self._given(file)

    def _given(self, file: File) -> Response:
        kind = "inline" if file.mimetype in SHOWN else "attachment"
        headers = {"Content-Disposition": kind, "X-Content-Type-Options": "nosniff"}
        content = self._workspace.uploads.content(file.id)
        return Response(content, media_type=file.mimetype, headers=headers)


async def _part(request: Request) -> bytes:
    """Return the one file of a multipart upload."""
    form = await request.form(max_part_size=MAX_FILE_BYTES)
    for value in form.values():
        if not isinstance(value, str):
            return await value.read()
    raise ControlError("The upload has no file.")
