"""Slack's HTTP mode: `python -m bot run` with a signing secret; requests signed as Slack does."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from tests.running_sandbox import RunningSandbox, free_port, running_sandbox
from tests.scripted_engine import ScriptedEngine, scripted_engine

SECRET = "signing-secret"
START_SECONDS = 60.0


@dataclass(frozen=True)
class HttpBot:
    port: int
    process: subprocess.Popen[bytes]
    sandbox: RunningSandbox

    def post(self, body: dict[str, Any], secret: str = SECRET, age: float = 0.0) -> tuple[int, str]:
        """Post an event as Slack does; return the status and what came back."""
        text, stamp = json.dumps(body), str(int(time.time() - age))
        signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=text)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/slack/events",
            text.encode(),
            {
                "Content-Type": "application/json",
                "X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": str(signature),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()


@pytest.fixture(scope="module")
def engine() -> Iterator[ScriptedEngine]:
    with scripted_engine() as script:
        yield script


@pytest.fixture(scope="module")
def http_bot(tmp_path_factory: pytest.TempPathFactory, engine: ScriptedEngine) -> Iterator[HttpBot]:
    home: Path = tmp_path_factory.mktemp("home")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "APPRENTICE_"))}
    with running_sandbox(no_limits=True) as sandbox:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            env={
                **clean,
                "APPRENTICE_HOME": str(home),
                "SLACK_BOT_TOKEN": "xoxb-sandbox",
                "SLACK_SIGNING_SECRET": SECRET,
                "SLACK_API_URL": sandbox.api_url,
                "PORT": str(port),
                "ENGINE": "openai_api",
                "ENGINE_BASE_URL": engine.url,
            },
        )
        bot = HttpBot(port, process, sandbox)
        try:
            wait_until_listening(bot)
            yield bot
        finally:
            process.kill()
            process.wait()


def wait_until_listening(bot: HttpBot) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert bot.process.poll() is None, "the bot ended"
        try:
            bot.post({"type": "url_verification", "challenge": "x"})
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("The bot does not listen.")


def mention(sandbox: RunningSandbox, event_id: str) -> dict[str, Any]:
    """A question in the sandbox, which has no connection to tell about it, as Slack's event."""
    ts = sandbox.post("U0CAROL", "<@U0APPRENTICE> where is the key?")
    event = {
        "type": "app_mention", "user": "U0CAROL", "channel": "C0HELP", "ts": ts,
        "text": "<@U0APPRENTICE> where is the key?", "team": "T0DEMO", "event_ts": ts,
    }  # fmt: skip
    return {
        "type": "event_callback", "team_id": "T0DEMO", "api_app_id": "A0APPRENTICE",
        "event_id": event_id, "event_time": int(float(ts)), "event": event,
        "authorizations": [{"team_id": "T0DEMO", "user_id": "U0APPRENTICE", "is_bot": True}],
    }  # fmt: skip


def answers_to(sandbox: RunningSandbox, ts: str) -> list[dict[str, Any]]:
    return [m for m in sandbox.messages() if m["thread_ts"] == ts and m["bot_id"]]


def test_slack_may_verify_the_address(http_bot: HttpBot):
    assert http_bot.post({"type": "url_verification", "challenge": "abc"}) == (
        200,
        '{"challenge": "abc"}',
    )


@pytest.mark.parametrize("forged", [{"secret": "guessed"}, {"age": 600.0}])
def test_a_forged_or_replayed_request_is_refused(http_bot: HttpBot, forged: dict[str, Any]):
    body = mention(http_bot.sandbox, "Ev0FORGED")

    status, _ = http_bot.post(body, **forged)

    assert status == 401
    assert answers_to(http_bot.sandbox, body["event"]["ts"]) == []


def test_a_mention_is_answered_once_though_it_comes_twice(http_bot: HttpBot):
    body = mention(http_bot.sandbox, "Ev0TWICE")

    assert http_bot.post(body)[0] == 200
    assert http_bot.post(body)[0] == 200

    ts = body["event"]["ts"]
    http_bot.sandbox.wait_for_message(
        lambda m: m["thread_ts"] == ts and m["bot_id"] and not m["streaming"], timeout=30
    )
    assert len(answers_to(http_bot.sandbox, ts)) == 1


def test_it_ends_cleanly_when_told_to(http_bot: HttpBot):
    http_bot.process.send_signal(signal.SIGTERM)

    assert http_bot.process.wait(30) == 0
