"""What the sandbox refuses: Slack's error codes, and sentences for its own control paths."""

from typing import Any


class SandboxError(Exception):
    """Base of everything the sandbox raises on purpose."""


class SlackError(SandboxError):
    """A refusal in Slack's words: `code` is the answer's `error`, `details` its further keys."""

    def __init__(self, code: str, *messages: str, **details: Any) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = list(messages)
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the JSON body Slack would answer with."""
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.details}
        if self.messages:
            body["response_metadata"] = {"messages": self.messages}
        return body


class RateLimitedError(SlackError):
    """Raised when a method or a channel is asked too often; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class ControlError(SandboxError):
    """Raised for a wrong request to a control path; its text is a sentence for a person."""
