"""Which of Slack's refusals pass by themselves, and when. Pure."""

from http.client import HTTPException
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError, SlackRequestError

#: All that a call of Slack raises: refusals, misuse, and a connection that breaks anywhere.
SLACK_ERRORS = (SlackApiError, SlackClientError, URLError, OSError, HTTPException)

_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
     "request_timeout", "team_added_to_org"}
)  # fmt: skip


def code_of(error: Exception) -> str:
    """Slack's word for what is wrong; empty where Slack was not reached."""
    if not isinstance(error, SlackApiError):
        return ""
    return str(error.response.get("error") or "")


def is_passing(error: Exception) -> bool:
    """Say whether trying again later may help: all but a definite refusal."""
    if isinstance(error, SlackRequestError):
        return False
    if not isinstance(error, SlackApiError):
        return True
    return code_of(error) in _PASSING or _status(error) >= 500


def is_definite(error: Exception) -> bool:
    """Say whether Slack surely did nothing: it answered, and with a refusal or a rate limit."""
    if isinstance(error, SlackApiError):
        return _status(error) < 500
    return isinstance(error, SlackRequestError)


def retry_after_seconds(error: Exception, default: float) -> float:
    """How long to wait: as long as Slack says, else ``default``."""
    if not isinstance(error, SlackApiError):
        return default
    headers = error.response.headers or {}
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    seconds = value[0] if isinstance(value, list) else value
    return float(seconds) if seconds else default


def _status(error: SlackApiError) -> int:
    return int(error.response.status_code)
