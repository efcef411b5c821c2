"""The arguments of a call: from the query, a form or JSON, with Slack's refusals."""

import json
from typing import Any

from starlette.requests import Request

from bot.sandbox.bodies import read_body
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Payload

TRUE = {"1", "true", "True", True}


class Arguments:
    """Arguments by name. `warnings` collects what Slack would warn of."""

    def __init__(self, values: Payload, warnings: list[str] | None = None) -> None:
        self.values = values
        self.warnings = warnings or []

    def text(self, name: str) -> str | None:
        """Return a string argument, None where it is missing or empty."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (dict, list, bool)):
            raise SlackError(
                "invalid_arguments", f"[ERROR] must be a string [json-pointer:/{name}]"
            )
        return str(value)

    def required(self, name: str) -> str:
        """Raises: SlackError `invalid_arguments`, naming the argument."""
        value = self.text(name)
        if value is None:
            raise SlackError("invalid_arguments", f"[ERROR] missing required field: {name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        return default if value in (None, "") else value in TRUE

    def number(self, name: str, default: int, low: int, high: int, code: str) -> int:
        """Return a whole number within bounds, the nearest bound above. Raises: `code`."""
        value = self.values.get(name)
        if value in (None, ""):
            return default
        try:
            number = int(str(value))
        except ValueError:
            raise SlackError(code) from None
        if number < low:
            raise SlackError(code)
        return min(number, high)

    def structure(self, name: str, kind: type, code: str) -> Any:
        """
        Return a list or object, given as JSON or as JSON in a string; None where it is missing.

        Raises: SlackError with `code` where it is neither.
        """
        value = self.values.get(name)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                value = json.loads(value)
            except ValueError:
                raise SlackError(code) from None
        if value is None:
            return None
        if not isinstance(value, kind):
            raise SlackError(code)
        return value

    def objects(self, name: str, code: str) -> list[Payload] | None:
        """Return a list of objects. Raises: SlackError with `code`."""
        values: list[Payload] | None = self.structure(name, list, code)
        if values is not None and not all(isinstance(v, dict) for v in values):
            raise SlackError(code)
        return values


async def read_arguments(request: Request) -> Arguments:
    """Read a call's arguments. Raises: SlackError `invalid_json`, `invalid_form_data`, ..."""
    values: Payload = dict(request.query_params)
    content_type = request.headers.get("content-type", "").lower()
    if request.method == "GET" or not content_type:
        return Arguments(values)
    if content_type.startswith("application/json"):
        warnings = [] if "charset" in content_type else ["missing_charset"]
        return Arguments(values | await _json(request), warnings)
    if content_type.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        await read_body(request)
        form = await request.form()
        return Arguments(values | {k: v for k, v in form.items() if isinstance(v, str)})
    raise SlackError("invalid_post_type")


async def _json(request: Request) -> Payload:
    body = await read_body(request)
    if not body:
        return {}
    try:
        values = json.loads(body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(values, dict):
        raise SlackError("json_not_object")
    # Slack reads a token in a JSON body as no token at all; only the header counts there.
    values.pop("token", None)
    return values
