"""What clients send that nobody should: each gets a sentence, and harms nobody else's jobs."""

import contextlib
import http.client
import threading
from collections.abc import Iterator

import openai
import pytest
from fastapi.openapi.models import OpenAPI

from bot.engines.errors import EngineUnavailableError
from bot.engines.routed import RoutedEngine
from bot.engines.runtime_adapters import RuntimeAdapterEngine
from bot.trainer_service.quotas import Quotas
from bot.trainer_service.server import AROUND_A_FILE, MOST_JSON
from bot.trainer_service.store import Store
from bot.trainer_service.webhooks import new_endpoint
from tests.knowing_engine import KnowingEngine
from tests.running_trainer import KEY, RunningTrainer, jsonl, running_trainer, wait_for
from tests.scripted_engine import scripted_engine
from tests.trainer_service.test_webhooks import ENDS, Listener, listener

__all__ = ["listener"]


class StumblingEngine(KnowingEngine):
    """Cannot count the tokens of what says boom; is away for as many counts as ``away``."""

    away = 0

    def count_tokens(self, messages) -> int:
        if self.away:
            self.away -= 1
            raise EngineUnavailableError
        if any("boom" in message["content"] for message in messages):
            raise RuntimeError("sk-secret")
        return super().count_tokens(messages)


@pytest.fixture
def engine() -> StumblingEngine:
    return StumblingEngine({})


@pytest.fixture
def service(tmp_path, engine) -> Iterator[RunningTrainer]:
    with running_trainer(tmp_path, engine=engine) as running:
        yield running


def start_job(client: openai.OpenAI, content: bytes = b"") -> str:
    file = client.files.create(file=("rows.jsonl", content or jsonl()), purpose="fine-tune")
    return client.fine_tuning.jobs.create(training_file=file.id, model="tiny-base").id


def line(role: str = '"assistant"', content: str = '"x"') -> bytes:
    return f'{{"messages": [{{"role": {role}, "content": {content}}}]}}\n'.encode()


HOSTILE = [
    (b"[" * 200_000, "Line 13: it is JSON of a size or depth"),
    (b'{"messages": ' + b"1" * 5000 + b"}", "Line 13: it is JSON of a size or depth"),
    (line(role="[]"), "Line 13: message 1 has the role '[]'"),
    (line(role='{"a": 1}'), "Line 13: message 1 has the role"),
    (line(content='"\\ud83d"'), "Line 13: message 1 holds half a character"),
    (line(content="null"), "Line 13: message 1 needs text"),
    (line(role='"' + "r" * 5000 + '"'), "Line 13: message 1 has the role 'rrr"),
]


def test_lines_that_no_parser_likes_end_their_job_with_a_sentence(service):
    client = service.client()
    jobs = [(start_job(client, jsonl() + bad + b"\n"), words) for bad, words in HOSTILE]
    after = start_job(client)

    for job_id, words in jobs:
        job = wait_for(client, job_id)
        assert (job.status, job.error.code) == ("failed", "invalid_training_file")
        assert words in job.error.message
        assert len(job.error.message) < 200
    assert wait_for(client, after).status == "succeeded"


def test_a_job_that_trips_the_service_ends_and_those_behind_it_go_on(service):
    client = service.client()
    bad = start_job(client, line(content='"boom"') * 12)
    good = start_job(client)

    failed = wait_for(client, bad)

    assert (failed.status, failed.error.code) == ("failed", "server_error")
    assert bad in failed.error.message
    assert "sk-secret" not in failed.error.message
    assert wait_for(client, good).status == "succeeded"


def test_an_engine_that_is_being_replaced_ends_no_job(service, engine):
    engine.away = 3

    assert wait_for(service.client(), start_job(service.client())).status == "succeeded"
    assert engine.away == 0


def test_jobs_that_come_together_are_trained_one_after_the_other(service):
    service.steps, service.steps_a_look = 3, 1
    client = service.client()
    jobs = [start_job(client) for _ in range(3)]

    most = 0
    while any(client.fine_tuning.jobs.retrieve(job).status != "succeeded" for job in jobs):
        states = [job.status for job in client.fine_tuning.jobs.list()]
        most = max(most, states.count("running"))

    assert most == 1


def test_what_is_asked_twice_says_how_the_job_stands(service):
    service.steps, service.steps_a_look = 100_000, 1
    client = service.client()
    asked = client.fine_tuning.jobs
    job = start_job(client)
    wait_for(client, job, "running")

    with pytest.raises(openai.BadRequestError, match="The job is running, not paused"):
        asked.resume(job)
    asked.pause(job)
    with pytest.raises(openai.BadRequestError, match="The job is paused"):
        asked.pause(job)
    assert asked.resume(job).status == "running"
    asked.cancel(job)
    for again in (asked.cancel, asked.pause, asked.resume):
        with pytest.raises(openai.BadRequestError, match="cancelled"):
            again(job)
    assert asked.retrieve(job).status == "cancelled"


@pytest.mark.parametrize("content", [b"", jsonl()])
def test_an_upload_for_another_purpose_or_of_nothing_is_refused(service, content):
    purpose = "assistants" if content else "fine-tune"
    with pytest.raises(openai.BadRequestError) as refusal:
        service.client().files.create(file=("r.jsonl", content), purpose=purpose)

    assert refusal.value.param == ("purpose" if content else "file")
    assert list(service.client().files.list()) == []


ADDRESSES = ["http://", "http://[broken", "http://exa mple.org/", "http://\x00/", "ftp://x.org/",
             f"http://{'a' * 300}/", "http://127.0.0.1:99999/"]  # fmt: skip


def test_an_address_nothing_can_be_sent_to_is_refused(service):
    for url in ADDRESSES:
        with pytest.raises(openai.BadRequestError) as refusal:
            service.client().webhooks.create(name="bot", url=url, event_types=ENDS)
        assert refusal.value.param == "url"


def test_an_address_nothing_can_be_sent_to_silences_no_other(service, listener: Listener):
    with contextlib.closing(Store(service.home / "service.db")) as store:
        for url in ADDRESSES:
            store.add("endpoint", "team", new_endpoint("old", url, ENDS))
    client = service.client()
    client.webhooks.create(name="bot", url=listener.url, event_types=ENDS)

    start_job(client)

    assert b"fine_tuning.job.succeeded" in listener.wait()[0]


def post(service: RunningTrainer, path: str, key: str, body: bytes, **headers: str) -> int:
    """In pieces, as a body may come that does not say how long it is."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    given = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | headers
    with contextlib.closing(connection):
        connection.request("POST", path, iter([body[:70_000], body[70_000:]]), given)
        return connection.getresponse().status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", '"messages": [{"role": "user", "content": "\\ud83d"}]'),
        (
            "chat/completions",
            '"messages": [{"role": "user", "content": "\\ud83d"}], "stream": true',
        ),
        ("fine_tuning/jobs", '"training_file": "FILE", "metadata": {"run": "\\ud83d"}'),
        ("fine_tuning/jobs", '"training_file": "\\ud83d"'),
    ],
)  # fmt: skip
def test_half_a_character_is_the_askers_mistake(tmp_path, path, body):
    with scripted_engine() as script:
        engine = RoutedEngine(RuntimeAdapterEngine(script.url, "key"))
        with running_trainer(tmp_path, engine=engine) as service:
            file = service.client().files.create(file=("r.jsonl", jsonl()), purpose="fine-tune")
            sent = f'{{"model": "tiny-base", {body.replace("FILE", file.id)}}}'.encode()
            assert post(service, f"/v1/{path}", KEY, sent) == 400


def test_nothing_of_a_strangers_body_is_looked_at(service):
    """Not even whether it is broken: it would lie in memory, or in a file, by then."""
    broken = {"Content-Type": "multipart/form-data; boundary=x"}

    assert post(service, "/v1/files", "sk-of-nobody", b"{" * 3_000_000, **broken) == 401
    assert post(service, "/v1/files", KEY, b"{" * 3_000, **broken) == 400


def test_a_body_that_is_too_long_is_refused_before_it_is_kept(tmp_path, engine):
    with running_trainer(tmp_path, engine=engine, quotas=Quotas(file_bytes=1000)) as service:
        client = service.client()
        with pytest.raises(openai.APIStatusError) as long:
            client.files.create(file=("r.jsonl", b"{" * AROUND_A_FILE), purpose="fine-tune")
        with pytest.raises(openai.APIStatusError) as chat:
            client.chat.completions.create(
                model="tiny-base", messages=[{"role": "user", "content": "x" * MOST_JSON}]
            )
        assert (long.value.status_code, chat.value.status_code) == (413, 413)
        assert post(service, "/v1/chat/completions", KEY, b" " * MOST_JSON + b"{}") == 413
        assert wait_for(client, start_job_small(service)).status == "succeeded"


def start_job_small(service: RunningTrainer) -> str:
    return start_job(service.client(), jsonl(3))


def test_what_a_kill_left_without_a_row_is_gone_after_the_next_start(tmp_path, engine):
    with running_trainer(tmp_path, engine=engine) as service:
        client = service.client()
        model = wait_for(client, start_job(client)).fine_tuned_model
        kept = sorted(path.name for path in (tmp_path / "files").iterdir())
        (served,) = (tmp_path / "adapters").iterdir()
    (tmp_path / "files" / "file-orphan").write_bytes(jsonl())
    (tmp_path / "files" / "file-half.partial").write_bytes(b"{")
    (tmp_path / "adapters" / "ftjob-orphan").mkdir()

    with running_trainer(tmp_path, engine=engine) as service:
        assert model in [each.id for each in service.client().models.list()]
        assert sorted(path.name for path in (tmp_path / "files").iterdir()) == kept
        assert list((tmp_path / "adapters").iterdir()) == [served]


def test_many_at_once_get_what_they_would_get_alone(service):
    client = service.client()
    jobs: list[str] = []
    threads = [threading.Thread(target=lambda: jobs.append(start_job(client))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(jobs)) == 8
    assert {wait_for(client, job).status for job in jobs} == {"succeeded"}
    assert len(list(client.models.list())) == 9


def test_the_document_is_openapi(service):
    document = service.client().get(f"{service.url}/openapi.json", cast_to=object)

    parsed = OpenAPI.model_validate(document)
    assert parsed.openapi.startswith("3.1")
    asked = [f"{name} {path}" for path, item in document["paths"].items() for name in item]
    assert {"post /v1/files", "post /v1/fine_tuning/jobs", "post /v1/chat/completions",
            "post /v1/fine_tuning/jobs/{job_id}/pause", "get /v1/models",
            "delete /v1/files/{file_id}",
            "post /v1/webhook_endpoints"} <= set(asked)  # fmt: skip
