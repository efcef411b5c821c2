"""
What a provider posts when a job has ended: checked, then the trainer is told to ask.

A WSGI application in front of another. Nothing is believed but the job's id, and that only makes
the bot ask sooner; so what comes twice, late or not at all changes nothing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
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
_ANY_AGE = 10**12


class Why(StrEnum):
    """Why a webhook was refused, which is also what an admin has to look at."""

    FORGED = "forged"  # nobody who knows the secret signed it
    CLOCK = "clock"  # signed with it, at a time that is not now


@dataclass(frozen=True)
class Refusal:
    """
    ``reason`` is for the middle of a sentence and says nothing that a stranger sent;
    ``seconds_old`` is how far the signed time lies behind our clock, or ahead of it if negative.
    """

    why: Why
    reason: str
    seconds_old: float = 0.0


class Webhook:
    """Takes ``POST /openai/webhook``; everything else is for ``other``."""

    def __init__(
        self,
        secret: str,
        notice: Callable[[str], None],
        other: "WSGIApplication",
        refused: Callable[[Refusal], None],
    ) -> None:
        """
        ``notice`` is called with the id of each job that is said to have ended, ``refused`` for
        each request that no provider made now; strangers decide how often, so it has to be quick.
        """
        self._secret = secret
        self._notice = notice
        self._refused = refused
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
        headers = {name: given for name in _HEADERS if (given := _header(environ, name))}
        try:
            event: Any = self._sdk.webhooks.unwrap(body, headers, secret=self._secret)
        # The SDK trips in these ways over what nobody has signed.
        except (openai.InvalidWebhookSignatureError, ValueError, TypeError):
            self._refuse(body, headers)
            return "400 Bad Request"
        kind, data = getattr(event, "type", None), getattr(event, "data", None)
        job_id = getattr(data, "id", None)
        # What else the provider tells is taken too, or it would be sent again for days.
        if str(kind).startswith(_EVENTS) and isinstance(job_id, str):
            log.info("A webhook says that %s has ended; asking", job_id[:100])
            self._notice(job_id)
        return "200 OK"

    def _refuse(self, body: bytes, headers: Mapping[str, str]) -> None:
        refusal = self._why(body, headers)
        log.warning("Refused a webhook: %s", refusal.reason if refusal else "it is no JSON")
        if refusal:
            self._refused(refusal)

    def _why(self, body: bytes, headers: Mapping[str, str]) -> Refusal | None:
        """
        None: it is signed, and now. The signature is looked at first, for it covers the time: the
        time of what nobody signed says nothing about our clock.
        """
        try:
            self._sdk.webhooks.verify_signature(
                body, headers, secret=self._secret, tolerance=_ANY_AGE
            )
        except (openai.InvalidWebhookSignatureError, ValueError, TypeError):
            return _forged(headers)
        seconds_old = time.time() - int(headers["webhook-timestamp"])
        return _stale(seconds_old) if abs(seconds_old) > TOLERANCE_SECONDS else None


def _forged(headers: Mapping[str, str]) -> Refusal:
    missing = [name for name in _HEADERS if name not in headers]
    if missing:
        reason = f"it has no {' and no '.join(missing)}, so no provider sent it"
    else:
        reason = (
            "its signature is not the provider's. Either it is forged, or OPENAI_WEBHOOK_SECRET is "
            "another endpoint's"
        )
    return Refusal(Why.FORGED, reason)


def _stale(seconds_old: float) -> Refusal:
    off = f"{abs(seconds_old):.0f} seconds {'old' if seconds_old > 0 else 'ahead of this clock'}"
    reason = (
        f"it is {off}, and {TOLERANCE_SECONDS} are allowed. Either somebody repeats an old "
        "one, or this machine's clock is wrong: check its time synchronisation"
    )
    return Refusal(Why.CLOCK, reason, seconds_old)


def _length(environ: "WSGIEnvironment") -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _header(environ: "WSGIEnvironment", name: str) -> str:
    return str(environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))
