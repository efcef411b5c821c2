"""
What people are told when a listener fails: one place for all of them.

A ``BotError`` is a sentence for the person. Anything else is logged under a short reference,
which is all the person sees of it. An event whose listener failed is not acknowledged, so that
Slack delivers it again; a command, button or modal is, because its person was told.
"""

import logging
import secrets

from slack_bolt import App, BoltResponse
from slack_sdk import WebClient

from bot.errors import BotError
from handlers.deps import Payload
from handlers.retry import SLACK_ERRORS

log = logging.getLogger(__name__)


def register(app: App) -> None:
    app.error(handle_error)


def handle_error(error: Exception, body: Payload, client: WebClient) -> BoltResponse:
    is_event = body.get("type") == "event_callback"
    sentence = str(error) if isinstance(error, BotError) else _log(error, body)
    if is_event:
        return BoltResponse(status=500)
    _tell(sentence, body, client)
    return BoltResponse(status=200)


def _log(error: Exception, body: Payload) -> str:
    reference = secrets.token_hex(3)
    what = body.get("command") or body.get("type") or "?"
    log.error("%s failed (reference %s)", what, reference, exc_info=error)
    return (
        f"Sorry, that did not work, and it is not your fault. Please try again; if it keeps "
        f"failing, show an admin this reference: `{reference}`."
    )


def _tell(sentence: str, body: Payload, client: WebClient) -> None:
    """Whisper where the person is, or write to them directly where there is no channel."""
    user_id = body.get("user_id") or body["user"]["id"]
    channel_id = body.get("channel_id") or body.get("channel", {}).get("id")
    try:
        if channel_id:
            client.chat_postEphemeral(channel=channel_id, user=user_id, text=sentence)
        else:
            client.chat_postMessage(channel=user_id, text=sentence)
    except SLACK_ERRORS as error:
        log.warning("%s could not be told: %s", user_id, error)
