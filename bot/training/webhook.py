"""
What a provider posts when a job has ended: checked, then the trainer is told to ask.

A WSGI application in front of another. Nothing is believed but the job's id, and that only makes
the bot ask sooner; so what comes twice, late or not at all changes nothing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import openai

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

PATH = "/openai/webhook"
#: What is posted is an id and a type.
LARGEST_BODY = 64 * 1024
#: What the SDK allows the provider's clock to differ from ours.
TOLERANCE_SECONDS = 300
_EVENTS = "fine_tuning.job."
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Webhook:
    """Takes ``POST /openai/webhook``; everything else is for ``other``."""

    def __init__(
        self, secret: str, notice: Callable[[str], None], other: "WSGIApplication"
    ) -> None:
        """``notice`` is called with the id of each job that is said to have ended."""
        self._secret = secret
        self._notice = notice
        self._other = other
        self._sdk = openai.OpenAI(api_key="never used: signatures are checked here")

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            return self._other(environ, start_response)
        status = self._receive(environ)
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]

    def close(self) -> None:
        """Close the SDK's client."""
        self._sdk.close()

    def _receive(self, environ: "WSGIEnvironment") -> str:
        if environ["REQUEST_METHOD"] != "POST":
            return "405 Method Not Allowed"
        length = _length(environ)
        if length > LARGEST_BODY:
            log.warning("Refused a webhook: it has %d bytes, a job's end needs less", length)
            return "413 Content Too Large"
        body = environ["wsgi.input"].read(length)
        headers = {name: _header(environ, name) for name in _HEADERS}
        try:
            event: Any = self._sdk.webhooks.unwrap(
                body, {k: v for k, v in headers.items() if v}, secret=self._secret
            )
        # The SDK trips in these ways over what nobody has signed.
        except (openai.InvalidWebhookSignatureError, ValueError, TypeError):
            log.warning("Refused a webhook: %s", _why(headers))
            return "400 Bad Request"
        kind, data = getattr(event, "type", None), getattr(event, "data", None)
        job_id = getattr(data, "id", None)
        # What else the provider tells is taken too, or it would be sent again for days.
        if str(kind).startswith(_EVENTS) and isinstance(job_id, str):
            log.info("A webhook says that %s has ended; asking", job_id[:100])
            self._notice(job_id)
        return "200 OK"


def _why(headers: Mapping[str, str]) -> str:
    """What an admin has to know; never what a stranger sent."""
    missing = [name for name, value in headers.items() if not value]
    if missing:
        return f"it has no {' and no '.join(missing)}, so no provider sent it"
    try:
        age = time.time() - int(headers["webhook-timestamp"])
    except ValueError:
        return "its timestamp is none"
    if abs(age) > TOLERANCE_SECONDS:
        off = f"{min(abs(age), 1e12):.0f} seconds {'old' if age > 0 else 'ahead of this clock'}"
        return (
            f"it is {off}, and {TOLERANCE_SECONDS} are allowed. Either somebody repeats an old "
            "one, or this machine's clock is wrong: check its time synchronisation"
        )
    return (
        "its signature is not the provider's. Either it is forged, or OPENAI_WEBHOOK_SECRET is "
        "another endpoint's"
    )


def _length(environ: "WSGIEnvironment") -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _header(environ: "WSGIEnvironment", name: str) -> str:
    return str(environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))
