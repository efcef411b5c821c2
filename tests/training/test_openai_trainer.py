"""Trainer ``openai`` against a server that goes wrong in every way servers do."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel
from bot.training.errors import JobNotFinishedError
from bot.training.openai_api import OpenAITrainer
from bot.training.provider import Provider, Quirks, openai_provider
from bot.training.remote_errors import (
    BaseEndsSoonError,
    KeyRefusedError,
    NotAnApiError,
    QuotaExhaustedError,
    RowsRejectedError,
    TrainerUnavailableError,
    TuningRefusedError,
)
from bot.training.trainer import JobState
from tests.running_trainer import KEY, RunningTrainer, running_trainer, trainer_at, wait_for
from tests.training_job import TINY_ROWS, row, wait_for_end

OURS = BaseModel("ours", Path("base.gguf"), "0" * 64)
REFUSED = {"message": "Fine-tuning is no longer available to your organization."}


@pytest.fixture
def service(tmp_path):
    with running_trainer(tmp_path) as running:
        yield running


def jobs_at(service: RunningTrainer) -> list:
    return list(service.client().fine_tuning.jobs.list())


def test_what_was_sent_and_how_it_was_trained_is_kept(service):
    trainer = trainer_at(service)

    job_id = trainer.start("run-1", TINY_ROWS, OURS, validation=TINY_ROWS[:1], snapshot="5nap5h0t")
    status = wait_for_end(trainer, job_id)

    (job,) = jobs_at(service)
    assert job.metadata == {
        "apprentice_run": "run-1",
        "apprentice_installation": "bot-1",
        "apprentice_snapshot": "5nap5h0t",
    }
    sent = service.client().files.content(job.training_file).read().decode()
    assert [json.loads(line)["messages"] for line in sent.splitlines()] == TINY_ROWS
    assert not sent.startswith("\ufeff")
    assert job.validation_file
    assert status.record["hyperparameters"]["n_epochs"] >= 3
    assert status.record["trained_tokens"] > 0
    assert status.metrics[-1].step == status.step == status.total_steps == 6


@pytest.mark.parametrize("kind", ["lost", "drop"])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/fine_tuning/jobs"])
def test_an_answer_that_gets_lost_starts_nothing_twice(service, kind, path):
    trainer = trainer_at(service)
    service.fault(kind=kind, path=path, method="POST")

    with pytest.raises(TrainerUnavailableError):
        trainer.start("run-1", TINY_ROWS, OURS)
    job_id = trainer_at(service, max_retries=2).start("run-1", TINY_ROWS, OURS)

    assert [job.id for job in jobs_at(service)] == [job_id]
    assert len(list(service.client().files.list(purpose="fine-tune"))) == 1


@pytest.mark.parametrize("has_metadata", [True, False])
def test_a_provider_that_knows_no_idempotency_is_not_asked_for_a_second_job(tmp_path, has_metadata):
    with running_trainer(tmp_path, repeats=True) as service:
        provider = openai_provider(KEY, service.base_url)
        quirks = replace(provider.quirks, has_metadata=has_metadata)
        started = [
            trainer_at(service, provider=replace(provider, quirks=quirks)).start(
                "run-1", TINY_ROWS, OURS
            )
            for _ in range(2)
        ]

        assert [job.id for job in jobs_at(service)] == started[:1]
    assert started[0] == started[1]


def test_two_bots_on_one_account_do_not_take_each_others_jobs(service):
    first = trainer_at(service).start("run-1", TINY_ROWS, OURS)
    other = trainer_at(service, installation="bot-2").start("run-1", TINY_ROWS, OURS)

    assert first != other


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, 7.0),
        ({"kind": "status", "status": 500}, None),
        ({"kind": "status", "status": 503}, None),
        ({"kind": "html", "status": 502}, None),
        ({"kind": "drop"}, None),
        ({"kind": "timeout", "seconds": 30}, None),
    ],
)
def test_what_may_pass_is_asked_again_later(service, fault, seconds):
    patient = trainer_at(service)
    trainer = trainer_at(service, timeout_seconds=2) if fault["kind"] == "timeout" else patient
    job_id = patient.start("run-1", TINY_ROWS, OURS)
    service.fault(**fault, path=job_id)

    with pytest.raises(TrainerUnavailableError) as trouble:
        trainer.status(job_id)

    assert trouble.value.retry_after == seconds
    # A connection that was kept open may be gone as well.
    again = trainer_at(service, max_retries=2)
    assert wait_for_end(again, job_id).state == JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "error", "expected", "words"),
    [
        (403, REFUSED, TuningRefusedError, "no longer available to your organization"),
        (400, REFUSED, TuningRefusedError, "`/apprentice train local`"),
        (401, {"message": "Incorrect API key: sk-…"}, KeyRefusedError, "OPENAI_API_KEY"),
        (429, {"message": "Pay.", "code": "insufficient_quota"}, QuotaExhaustedError, "“Pay.”"),
    ],
)
def test_a_refusal_is_for_good_and_says_the_way_out(service, status, error, expected, words):
    trainer = trainer_at(service, others=["local", "openai"])
    service.fault(kind="status", status=status, body={"error": error}, path="/jobs", method="POST")

    with pytest.raises(expected) as refusal:
        trainer.start("run-1", TINY_ROWS, OURS)

    assert words in str(refusal.value)
    assert "sk-" not in str(refusal.value)


def test_a_web_page_instead_of_an_api_is_named(service):
    for status in (200, 404):
        service.fault(kind="html", status=status, path="/v1", times=1)

        with pytest.raises(NotAnApiError, match="it usually ends in /v1"):
            trainer_at(service).start("run-1", TINY_ROWS, OURS)


def test_a_row_the_provider_rejects_is_named_by_its_question(service):
    rows = [*TINY_ROWS, row("What is the long story?", "word " * 3000)]
    trainer = trainer_at(service)

    status = wait_for_end(trainer, trainer.start("run-1", rows, OURS))

    assert status.state == JobState.FAILED
    assert "Row 4 is the example “What is the long story?”" in status.error
    assert "Correct or reject that example" in status.error


@pytest.mark.parametrize("is_refused_at_once", [False, True])
def test_a_row_of_the_validation_file_is_named_as_what_it_is(service, is_refused_at_once):
    """The second row of the training file is another example."""
    trainer = trainer_at(service)
    held_out = [row("Who holds out?", "Dora."), row("Who is not text?", " ")]
    if is_refused_at_once:
        error = {"message": "Line 2 is empty.", "param": "validation_file", "code": "x"}
        service.fault(kind="status", status=400, body={"error": error}, path="/jobs", method="POST")
        with pytest.raises(RowsRejectedError) as refusal:
            trainer.start("run-1", TINY_ROWS, OURS, validation=held_out)
        said = str(refusal.value)
    else:
        job_id = trainer.start("run-1", TINY_ROWS, OURS, validation=held_out)
        said = str(wait_for_end(trainer, job_id).error)
        (job,) = jobs_at(service)
        assert (job.error.code, job.error.param) == ("invalid_validation_file", "validation_file")

    assert "`openai` does not take the validation data" in said
    assert "Row 2 of the validation file is the example “Who is not text?”" in said


OTHER_ANSWERS = [
    {"kind": "html", "status": 200},
    {"kind": "status", "status": 200, "body": {"status": "under maintenance"}},
    {"kind": "status", "status": 200, "body": ["under maintenance"]},
]


@pytest.mark.parametrize(
    ("ask", "path"),
    [("start", "/v1/fine_tuning/jobs"), ("start", "/v1/files"), ("status", "ftjob-"),
     ("status", "/events"), ("cancel", "/cancel"), ("pause", "/pause"), ("resume", "/resume"),
     ("erase", "/v1/files/"), ("erase", "/v1/models/")],
)  # fmt: skip
def test_what_is_no_answer_of_an_api_is_taken_for_none(service, ask, path):
    """Least of all for a job that was cancelled, rests, was never started, or is deleted."""
    service.steps, service.steps_a_look = (6, 6) if ask == "erase" else (100_000, 1)
    trainer = trainer_at(service)
    job_id = ""
    if ask != "start":
        job_id = trainer.start("run-1", TINY_ROWS, OURS)
        wait_for(service.client(), job_id, "succeeded" if ask == "erase" else "running")
    if ask == "resume":
        trainer.pause(job_id)

    for answer in OTHER_ANSWERS:
        service.fault(**answer, path=path, times=99)
        with pytest.raises(NotAnApiError, match="Correct the address"):
            _ask(trainer, ask, job_id)
        service.fault()

    assert len(jobs_at(service)) == (0 if ask == "start" else 1)


def test_a_list_that_is_none_is_no_answer_and_figures_that_are_none_are_left_out(service):
    trainer = trainer_at(service)
    job_id = trainer.start("run-1", TINY_ROWS, OURS)
    wait_for_end(trainer, job_id)
    (job,) = jobs_at(service)

    service.fault(kind="status", status=200, body=job.to_dict() | {"result_files": 5}, path=job_id)
    with pytest.raises(NotAnApiError, match="that API has changed: update the bot"):
        trainer.status(job_id)
    odd = {"estimated_finish": "soon", "trained_tokens": "many"}
    service.fault(kind="status", status=200, body=job.to_dict() | odd, path=job_id)
    status = trainer.status(job_id)

    assert (status.state, status.seconds_left) == (JobState.SUCCEEDED, None)
    assert "trained_tokens" not in status.record


def _ask(trainer: OpenAITrainer, ask: str, job_id: str) -> None:
    if ask == "start":
        trainer.start("run-1", TINY_ROWS, OURS)
    else:
        getattr(trainer, ask)(job_id)


def test_a_job_that_fails_there_says_why(service):
    service.fails_at = 3
    trainer = trainer_at(service)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, OURS))

    assert (status.state, status.error) == (
        JobState.FAILED,
        "The job at `openai` failed: “The disk is full. (server_error)”. Its page there may say "
        "more. Train again, or train the same snapshot with another trainer.",
    )


def test_a_job_cancelled_over_there_is_cancelled_here(service):
    service.steps, service.steps_a_look = 100_000, 1
    trainer = trainer_at(service)
    job_id = trainer.start("run-1", TINY_ROWS, OURS)

    service.client().fine_tuning.jobs.cancel(job_id)

    assert trainer.status(job_id).state == JobState.CANCELLED
    with pytest.raises(JobNotFinishedError):
        trainer.result(job_id)


def test_pause_and_resume_and_states_nobody_knows_are_not_the_end(service):
    service.steps, service.steps_a_look = 1000, 100
    trainer = trainer_at(service)
    job_id = trainer.start("run-1", TINY_ROWS, OURS)

    trainer.pause(job_id)
    paused = trainer.status(job_id).state
    trainer.resume(job_id)

    assert paused == JobState.RUNNING
    assert wait_for_end(trainer, job_id).state == JobState.SUCCEEDED


def test_events_that_come_twice_and_late_make_one_curve(service):
    trainer = trainer_at(service)
    job_id = trainer.start("run-1", TINY_ROWS, OURS)
    wait_for_end(trainer, job_id)
    known = list(service.client().fine_tuning.jobs.list_events(job_id))
    shuffled = [event.model_dump() for event in (*known[3:], *known, *known[:2])]
    page = {"object": "list", "data": shuffled, "has_more": False}
    service.fault(kind="status", status=200, body=page, path="/events")

    metrics = trainer.status(job_id).metrics

    assert [metric.step for metric in metrics] == [1, 2, 3, 4, 5, 6]


def test_the_result_file_fills_in_what_the_events_left_out(service):
    trainer = trainer_at(service)
    job_id = trainer.start("run-1", TINY_ROWS, OURS)
    wait_for_end(trainer, job_id)
    page = {"object": "list", "data": [], "has_more": False}
    service.fault(kind="status", status=200, body=page, path="/events")

    assert [metric.step for metric in trainer.status(job_id).metrics] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("days", "is_refused"), [(10, True), (300, False)])
def test_a_base_that_ends_too_soon_is_refused_before_anything_is_sent(service, days, is_refused):
    ends = (datetime.now(UTC) + timedelta(days=days)).date()
    model = {"id": "tiny-base", "object": "model", "created": 0, "owned_by": "x"}
    service.fault(
        kind="status",
        status=200,
        body=model | {"shutdown_date": ends.isoformat()},
        path="/models/tiny-base",
    )
    trainer = trainer_at(service, others=["local"])

    if is_refused:
        with pytest.raises(BaseEndsSoonError, match=f"off on {ends}.*`/apprentice train local`"):
            trainer.start("run-1", TINY_ROWS, OURS)
    else:
        trainer.start("run-1", TINY_ROWS, OURS)

    assert len(jobs_at(service)) == (0 if is_refused else 1)
    assert len(list(service.client().files.list())) == (0 if is_refused else 1)


def test_a_base_nobody_has_is_a_refusal(service):
    provider = openai_provider(KEY, service.base_url, "gpt-3.5-turbo")

    with pytest.raises(TuningRefusedError, match=r"'gpt-3\.5-turbo' does not exist"):
        trainer_at(service, provider=provider).start("run-1", TINY_ROWS, OURS)


def test_erasing_leaves_no_file_and_no_model_with_the_provider(service):
    trainer = trainer_at(service)
    job_id = trainer.start("run-1", TINY_ROWS, OURS, validation=TINY_ROWS)
    wait_for_end(trainer, job_id)

    trainer.erase(job_id)
    trainer.erase(job_id)

    assert list(service.client().files.list()) == []
    assert [model.id for model in service.client().models.list()] == ["tiny-base"]
    said = TINY_ROWS[0][-1]["content"].encode()
    for path in service.home.rglob("*"):
        if path.is_file() and path.suffix != ".lock":
            assert said not in path.read_bytes(), path


def test_polling_waits_unless_a_webhook_came(service):
    trainer = trainer_at(service, poll_seconds=1000)
    job_id = trainer.start("run-1", TINY_ROWS, OURS)
    assert trainer.status(job_id).state == JobState.RUNNING
    wait_for_end(trainer_at(service), job_id)

    seen = trainer.status(job_id).state
    trainer.notice(job_id)

    assert (seen, trainer.status(job_id).state) == (JobState.RUNNING, JobState.SUCCEEDED)


def test_a_provider_without_metadata_is_searched_by_the_files_name(service):
    quirks = Quirks(
        has_metadata=False,
        byte_order_mark=True,
        has_models=False,
        suffix_characters=18,
        extra_body={"trainingType": "GlobalStandard"},
    )
    provider = Provider(
        "azure", service.base_url, KEY, "tiny-base", key_variable="AZURE_API_KEY", quirks=quirks
    )
    trainer = trainer_at(service, provider=provider, max_retries=2)
    service.fault(kind="lost", path="/v1/fine_tuning/jobs", method="POST")
    with pytest.raises(TrainerUnavailableError):
        trainer.start("run-1", TINY_ROWS, OURS)

    job_id = trainer.start("run-1", TINY_ROWS, OURS)
    status = wait_for_end(trainer, job_id)

    (job,) = jobs_at(service)
    assert (job.metadata, status.state) == (None, JobState.SUCCEEDED)
    content = service.client().files.content(job.training_file).read()
    assert content.startswith(b"\xef\xbb\xbf")
    assert trainer.result(job_id).served_by == "azure"


def test_secrets_are_in_no_representation():
    provider = openai_provider("sk-very-secret", "http://gpu.example/v1")

    assert "very-secret" not in repr(provider)
