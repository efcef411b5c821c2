"""Webhooks: signed as the SDK verifies them, tried again, forged ones refused."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest

from bot.trainer_service.webhooks import signed_headers
from tests.running_trainer import RunningTrainer, jsonl, running_trainer, wait_for

ENDS = ["fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled"]


class Listener:
    """A server that keeps what comes and answers with the statuses it was given first."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.statuses: list[int] = []
        self.came = threading.Semaphore(0)
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append((body, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(listener.statuses.pop(0) if listener.statuses else 200)
                self.end_headers()
                listener.came.release()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def wait(self) -> tuple[bytes, dict[str, str]]:
        assert self.came.acquire(timeout=60), "no webhook came"
        return self.got[-1]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture
def service(tmp_path) -> Iterator[RunningTrainer]:
    with running_trainer(tmp_path) as running:
        yield running


def start_job(client: openai.OpenAI) -> str:
    file = client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune")
    return client.fine_tuning.jobs.create(training_file=file.id, model="tiny-base").id


def test_the_end_of_a_job_is_told_and_the_sdk_verifies_it(service, listener):
    client = service.client()
    hook = client.webhooks.create(name="bot", url=listener.url, event_types=ENDS)
    job_id = start_job(client)

    body, headers = listener.wait()
    event = client.webhooks.unwrap(body, headers, secret=hook.signing_secret)

    assert (event.type, event.data.id) == ("fine_tuning.job.succeeded", job_id)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(body + b" ", headers, secret=hook.signing_secret)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(body, headers, secret="whsec_" + "A" * 32)


def test_a_clock_that_is_wrong_is_refused_by_the_sdk(service):
    client = service.client()
    secret = "whsec_" + "QUJD" * 8
    payload = json.dumps({"type": ENDS[0], "data": {"id": "ftjob-1"}})

    for timestamp in (1, 2**40):
        headers = signed_headers(secret, "evt_1", timestamp, payload)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.unwrap(payload, headers, secret=secret)


def test_a_listener_that_is_away_is_told_later(service, listener, monkeypatch):
    monkeypatch.setattr("bot.trainer_service.webhooks.PAUSES_SECONDS", (0.1, 0.1))
    listener.statuses = [500]
    client = service.client()
    client.webhooks.create(name="bot", url=listener.url, event_types=ENDS)
    start_job(client)

    first, second = listener.wait(), listener.wait()

    assert first[1]["webhook-id"] == second[1]["webhook-id"]


def test_an_endpoint_shows_its_secret_once_and_hears_nothing_once_deleted(service, listener):
    client = service.client()
    hook = client.webhooks.create(name="bot", url=listener.url, event_types=ENDS)

    (listed,) = client.webhooks.list()
    client.webhooks.delete(hook.id)
    wait_for(client, start_job(client))

    assert not hasattr(listed, "signing_secret")
    assert hook.signing_secret.endswith(listed.signing_secret_hint[-4:])
    assert list(client.webhooks.list()) == []
    assert listener.got == []
