"""
How the bot and Slack find each other: a client that Slack accepts, and Socket Mode or HTTP to
listen by. Webhooks of the trainer ``openai`` come in beside Slack's requests.
"""

import logging
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import SettingsError
from bot.settings import Settings, plain
from bot.training.openai_api import OpenAITrainer
from bot.training.trainer import Trainer
from bot.training.webhook import PATH as WEBHOOK_PATH
from bot.training.webhook import Refusal, Webhook
from handlers import register
from handlers.deps import Deps

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

log = logging.getLogger(__name__)


def slack_client(settings: Settings) -> WebClient:
    """
    Return a client whose token Slack has accepted.

    Raises:
        SettingsError: a token is missing, or Slack refuses it or does not answer.
    """
    if settings.slack_bot_token is None:
        raise SettingsError(
            "SLACK_BOT_TOKEN is not set. Put it into .env (README, “Connect your workspace”), or "
            "try `python -m bot demo`, which needs no Slack."
        )
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        raise SettingsError(
            "Set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP."
        )
    # Given a context, or nothing at all, the client puts urllib's handlers together anew for every
    # call; what is installed is put together once, with the system's certificates read once.
    tls = ssl.create_default_context()
    urllib.request.install_opener(
        urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls))
    )
    client = WebClient(plain(settings.slack_bot_token), settings.slack_api_url)
    try:
        client.auth_test()
    except SlackApiError as error:
        code = error.response["error"]
        raise SettingsError(
            f"Slack refuses SLACK_BOT_TOKEN with `{code}`. `python -m bot doctor` says more."
        ) from error
    except (SlackClientError, OSError) as error:
        raise SettingsError(
            f"{settings.slack_api_url} does not answer. Check the network and SLACK_API_URL."
        ) from error
    return client


def listen(
    settings: Settings,
    client: WebClient,
    deps: Deps,
    trainers: Mapping[str, Trainer],
    refused: Callable[[Refusal], None],
    stack: ExitStack,
) -> None:
    """Hear of Slack until ``stack`` ends; ``refused`` is told of webhooks nobody could trust."""
    app = App(
        client=client,
        # Bolt's own loggers take the root's level, and at DEBUG log what people wrote.
        logger=logging.getLogger("slack_bolt"),
        signing_secret=plain(settings.slack_signing_secret) or None,
        # A row first, the acknowledgement after it: what we cannot store, Slack sends again.
        process_before_response=True,
        token_verification_enabled=False,
    )
    register(app, deps)
    if settings.slack_app_token:
        connection = SocketModeHandler(app, plain(settings.slack_app_token))
        connection.connect()  # type: ignore[no-untyped-call]  # of Bolt
        stack.callback(connection.close)
        log.info("Connected to Slack")
        if settings.openai_webhook_secret:
            log.warning("OPENAI_WEBHOOK_SECRET does nothing in Socket Mode: jobs are polled")
    else:
        web = with_webhook(SlackRequestHandler(app), settings, trainers, stack, refused)
        _serve_http(web, settings.port, stack)


def with_webhook(
    slack: "WSGIApplication",
    settings: Settings,
    trainers: Mapping[str, Trainer],
    stack: ExitStack,
    refused: Callable[[Refusal], None],
) -> "WSGIApplication":
    """Let the trainer ``openai`` hear of the end of its jobs, where that is set up."""
    trainer = trainers.get("openai")
    if not settings.openai_webhook_secret or not isinstance(trainer, OpenAITrainer):
        return slack
    webhook = Webhook(plain(settings.openai_webhook_secret), trainer.notice, slack, refused)
    stack.callback(webhook.close)
    log.info("Listening for webhooks of the trainer openai, path %s", WEBHOOK_PATH)
    return webhook


def _serve_http(app: "WSGIApplication", port: int, stack: ExitStack) -> None:
    """Slack's HTTP mode, on every address of this machine: put a TLS proxy in front of it."""
    import waitress

    server = waitress.create_server(app, host="0.0.0.0", port=port)
    threading.Thread(target=server.run, name="http", daemon=True).start()
    stack.callback(server.close)
    log.info("Listening for Slack on port %d, path /slack/events", port)
