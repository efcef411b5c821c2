"""What the service answers instead of a result, in OpenAI's envelope. Knows no HTTP library."""

from typing import Any


class ApiError(Exception):
    """One refusal: the HTTP status and the four fields clients of OpenAI's wire read."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        error = {"message": self.message, "type": _type_of(self.status), "param": self.param}
        return {"error": error | {"code": self.code}}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that is wrong in itself: asking again will not help."""
    return ApiError(400, message, code=code, param=param)


def missing(what: str, name: str) -> ApiError:
    return ApiError(404, f"No such {what}: {name}", code="not_found", param="id")


def _type_of(status: int) -> str:
    known = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return known.get(status, "server_error" if status >= 500 else "invalid_request_error")
