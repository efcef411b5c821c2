"""A provider's webhook at the bot: heard at once, refused where forged or stale, harmless twice."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import waitress

from bot.errors import SettingsError
from bot.listening import with_webhook
from bot.settings import load_settings
from bot.trainer_service.webhooks import signed_headers
from bot.training.openai_api import OpenAITrainer
from bot.training.trainer import JobState
from bot.training.webhook import Refusal, Why
from tests.running_trainer import BASE, RunningTrainer, running_trainer, trainer_at
from tests.training_job import TINY_ROWS

SECRET = "whsec_" + "QUJD" * 8
END = "fine_tuning.job.succeeded"
ENDS = [END, "fine_tuning.job.failed", "fine_tuning.job.cancelled"]


def slack(environ: Any, start_response: Any) -> list[bytes]:
    """Stands for Slack's side of the HTTP mode."""
    start_response("202 Accepted", [])
    return [b"slack"]


@dataclass
class Bot:
    """The HTTP mode of a bot whose trainer, left alone, asks again after a quarter of an hour."""

    trainer: OpenAITrainer
    stack: ExitStack
    noticed: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)
    app: Any = slack
    url: str = ""

    def __post_init__(self) -> None:
        believe = self.trainer.notice

        def notice(job_id: str) -> None:
            self.noticed.append(job_id)
            believe(job_id)
            self.heard.set()

        self.trainer.notice = notice  # type: ignore[method-assign]
        server = waitress.create_server(
            lambda *request: self.app(*request), host="127.0.0.1", port=0
        )

        def serve() -> None:
            with contextlib.suppress(OSError):  # closed while it waits
                server.run()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.stack.callback(server.close)
        self.url = f"http://127.0.0.1:{server.effective_port}"
        self.learn(SECRET)

    def learn(self, secret: str | None) -> None:
        """Start anew with this OPENAI_WEBHOOK_SECRET."""
        settings = load_settings(_env_file=None, openai_webhook_secret=secret)
        trainers = {"openai": self.trainer}
        self.app = with_webhook(slack, settings, trainers, self.stack, self.refused.append)

    def post(
        self, payload: str | bytes, headers: dict[str, str], path: str = "/openai/webhook"
    ) -> int:
        body = payload.encode() if isinstance(payload, str) else payload
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code


@pytest.fixture
def service(tmp_path) -> Iterator[RunningTrainer]:
    with running_trainer(tmp_path) as running:
        running.steps, running.steps_a_look = 100_000, 1
        yield running


@pytest.fixture
def bot(service) -> Iterator[Bot]:
    with ExitStack() as stack:
        yield Bot(trainer_at(service, poll_seconds=1000), stack)


def event(job_id: str = "ftjob-1", kind: str = END) -> str:
    return json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"id": job_id}})


def signed(payload: str, *, age: int = 0, secret: str = SECRET) -> dict[str, str]:
    return signed_headers(secret, "evt_1", int(time.time()) - age, payload)


def test_the_end_of_a_job_at_our_service_is_seen_at_once(service, bot):
    hook = service.client().webhooks.create(
        name="bot", url=f"{bot.url}/openai/webhook", event_types=ENDS
    )
    bot.learn(hook.signing_secret)
    job_id = bot.trainer.start("run-1", TINY_ROWS, BASE)
    before = bot.trainer.status(job_id).state

    service.client().fine_tuning.jobs.cancel(job_id)

    assert bot.heard.wait(30), "no webhook came"
    assert bot.noticed == [job_id]
    assert (before, bot.trainer.status(job_id).state) == (JobState.RUNNING, JobState.CANCELLED)


def test_without_a_webhook_the_job_is_polled_as_ever(service, bot):
    job_id = bot.trainer.start("run-1", TINY_ROWS, BASE)
    bot.trainer.status(job_id)

    service.client().fine_tuning.jobs.cancel(job_id)

    assert bot.trainer.status(job_id).state == JobState.RUNNING
    assert trainer_at(service).status(job_id).state == JobState.CANCELLED


def test_one_that_comes_while_the_job_is_asked_for_is_not_lost(service, bot, monkeypatch):
    job_id = bot.trainer.start("run-1", TINY_ROWS, BASE)
    jobs = bot.trainer._jobs
    known = jobs.known

    def known_then_ended(job_id: str) -> Any:
        monkeypatch.setattr(jobs, "known", known)
        job = known(job_id)
        service.client().fine_tuning.jobs.cancel(job_id)
        bot.trainer.notice(job_id)
        return job

    monkeypatch.setattr(jobs, "known", known_then_ended)

    assert bot.trainer.status(job_id).state == JobState.RUNNING
    assert bot.trainer.status(job_id).state == JobState.CANCELLED


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (
            lambda: signed(event(), secret="whsec_" + "WFla" * 8),
            "its signature is not the provider's",
        ),
        (lambda: signed(event("ftjob-2")), "its signature is not the provider's"),
        (
            lambda: signed(event()) | {"webhook-signature": "v1,\xe4\xf6"},
            "signature is not the provider's",
        ),
        (lambda: {"webhook-id": "evt_1"}, "it has no webhook-timestamp and no webhook-signature"),
        (
            lambda: signed(event()) | {"webhook-timestamp": "yesterday"},
            "its signature is not the provider's",
        ),
        # An old time that nobody signed says nothing about the clock.
        (
            lambda: signed(event(), age=9999) | {"webhook-signature": "v1,guessed"},
            "its signature is not the provider's",
        ),
    ],
)
def test_what_no_provider_signed_is_refused_with_a_reason(bot, caplog, headers, words):
    # Signed now: these tests may be collected long before they run.
    assert bot.post(event(), headers()) == 400

    assert words in caplog.text
    assert bot.noticed == []
    assert [(one.why, words in one.reason) for one in bot.refused] == [(Why.FORGED, True)]


@pytest.mark.parametrize(("age", "words"), [(400, "seconds old"), (-400, "ahead of this clock")])
def test_a_clock_that_is_wrong_is_named(bot, caplog, age, words):
    assert bot.post(event(), signed(event(), age=age)) == 400

    assert words in caplog.text
    assert "check its time synchronisation" in caplog.text
    assert bot.noticed == []
    (refusal,) = bot.refused
    assert (refusal.why, round(refusal.seconds_old)) == (Why.CLOCK, pytest.approx(age, abs=5))


def test_what_a_stranger_sends_is_not_logged(bot, caplog):
    payload = event("xoxb-secret-of-a-stranger")

    bot.post(payload, signed(payload) | {"webhook-timestamp": "xoxb-another"})

    assert "xoxb" not in caplog.text


def test_twice_late_and_of_unknown_jobs_are_harmless(service, bot):
    job_id = bot.trainer.start("run-1", TINY_ROWS, BASE)
    payload = event(job_id)
    headers = signed(payload)

    assert [bot.post(payload, headers), bot.post(payload, headers)] == [200, 200]
    assert bot.post(event("ftjob-unknown"), signed(event("ftjob-unknown"))) == 200
    assert bot.refused == []

    # Nothing was believed but that it is worth asking.
    assert bot.trainer.status(job_id).state == JobState.RUNNING


@pytest.mark.parametrize(
    "payload",
    [event(kind="batch.completed"), "[]", "3", '{"type": "fine_tuning.job.succeeded"}',
     '{"type": "fine_tuning.job.succeeded", "data": {"id": 7}}'],
)  # fmt: skip
def test_other_events_are_taken_and_do_nothing(bot, payload):
    assert bot.post(payload, signed(payload)) == 200

    assert bot.noticed == []


def test_a_body_that_is_no_json_or_far_too_long_is_refused(bot):
    assert bot.post("{", signed("{")) == 400
    assert bot.refused == [], "it was signed, and now: there is nothing an admin could do"
    assert bot.post(b"\xff", signed("x")) == 400
    assert bot.post("x" * 70_000, signed("x")) == 413


def test_everything_else_is_slacks(bot):
    assert bot.post("{}", {}, path="/slack/events") == 202
    bot.learn(None)

    assert bot.post(event(), signed(event())) == 202


@pytest.mark.parametrize("secret", ["sk-something", "whsec_", "whsec_no base64!"])
def test_a_secret_that_is_none_is_refused_at_the_start(secret):
    with pytest.raises(SettingsError, match="OPENAI_WEBHOOK_SECRET") as refusal:
        load_settings(_env_file=None, openai_webhook_secret=secret)

    assert "sk-something" not in str(refusal.value)
    assert "no base64" not in str(refusal.value)
