"""Reads request bodies up to a bound, so that nobody fills the memory."""

from starlette.requests import Request

from bot.sandbox.errors import ControlError

MAX_BODY_BYTES = 2_000_000


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """
    Return the body and leave it for Starlette's own readers.

    Raises: ControlError where it is longer than `limit` bytes.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ControlError(f"The request is longer than {limit} bytes.")
    # Starlette keeps a body that was read once in this attribute, where `form` looks for it.
    request._body = bytes(body)
    return request._body
