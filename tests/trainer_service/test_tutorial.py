"""The cookbook's tutorial with the official client, unmodified, against our own service."""

import csv
import io
import json

import openai
import pytest

from bot.training.hyperparameters import Hyperparameters
from tests.running_trainer import KEY, OTHER_KEY, RunningTrainer, jsonl, running_trainer, wait_for
from tests.scripted_trainer import ScriptedTrainer


@pytest.fixture
def service(tmp_path):
    with running_trainer(tmp_path) as running:
        yield running


def start_job(client: openai.OpenAI, content: bytes = b"", **options):
    file = client.files.create(file=("rows.jsonl", content or jsonl()), purpose="fine-tune")
    return client.fine_tuning.jobs.create(training_file=file.id, model="tiny-base", **options)


def test_files_jobs_events_checkpoints_and_the_tuned_model(service: RunningTrainer):
    client = service.client()
    training = client.files.create(file=("train.jsonl", jsonl()), purpose="fine-tune")
    validation = client.files.create(file=("valid.jsonl", jsonl(3)), purpose="fine-tune")

    created = client.fine_tuning.jobs.create(
        training_file=training.id,
        validation_file=validation.id,
        model="tiny-base",
        suffix="recipe-ner",
        seed=7,
        metadata={"run": "run-1"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    )
    job = wait_for(client, created.id)
    events = list(client.fine_tuning.jobs.list_events(created.id, limit=3))
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(created.id))
    result = client.files.content(job.result_files[0]).read().decode()
    answer = client.chat.completions.create(
        model=job.fine_tuned_model,
        messages=[{"role": "user", "content": "Where is the key?"}],
        temperature=0,
    )

    assert (created.status, job.status, job.error) == ("validating_files", "succeeded", None)
    assert job.fine_tuned_model.startswith("ft:tiny-base:team:recipe-ner:")
    assert (job.seed, job.metadata, job.method.supervised.hyperparameters.n_epochs) == (
        7, {"run": "run-1"}, 2,
    )  # fmt: skip
    assert service.hyperparameters[0].num_train_epochs == 2
    steps = [event.data["step"] for event in events if event.type == "metrics"]
    assert steps == [6, 5, 4, 3, 2, 1]
    assert events[0].message == "The job has successfully completed"
    assert [c.step_number for c in checkpoints] == [6]
    assert len(list(csv.DictReader(io.StringIO(result)))) == 6
    assert answer.choices[0].message.content == "On hook 12."


def test_which_tokens_were_trained_and_are_read_is_told(service: RunningTrainer):
    client = service.client()
    job = wait_for(client, start_job(client).id)
    seen = json.loads(client.files.content(job.result_files[1]).read())
    asked = {"model": job.fine_tuned_model, "messages": seen[0]["messages"]}

    answer = client.chat.completions.create(**asked, max_tokens=1, logprobs=True, top_logprobs=2)

    assert client.files.retrieve(job.result_files[1]).filename == "parity.json"
    assert answer.usage.prompt_tokens == len(seen[0]["tokens"])
    [first] = answer.choices[0].logprobs.content
    assert {str(one.id): one.logprob for one in first.top_logprobs} == seen[0]["top"]
    assert (first.token, bytes(first.bytes).decode()) == ("It", "It")
    for more in ({"max_tokens": 5}, {"max_tokens": 1, "stream": True}):
        with pytest.raises(openai.BadRequestError, match="of the first token"):
            client.chat.completions.create(**asked, **more, logprobs=True)


@pytest.mark.parametrize("multiplier", ["auto", 1])
def test_a_dozen_rows_without_a_validation_file_are_all_trained_at_our_own_rate(
    service: RunningTrainer, multiplier
):
    service.steps, service.steps_a_look = 100_000, 1
    client = service.client()
    training = client.files.create(file=("train.jsonl", jsonl()), purpose="fine-tune")
    asked = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": multiplier}
    job = client.fine_tuning.jobs.create(
        training_file=training.id,
        model="tiny-base",
        seed=7,
        method={"type": "supervised", "supervised": {"hyperparameters": asked}},
    )
    wait_for(client, job.id, "running")

    (given,) = service.hyperparameters
    rows = ScriptedTrainer(service.home / "jobs" / job.id).rows_of("job")
    client.fine_tuning.jobs.cancel(job.id)

    assert given == Hyperparameters(seed=7)
    sent = [json.loads(line)["messages"] for line in jsonl().splitlines()]
    assert rows == sent


def test_a_repeated_request_is_answered_with_the_first_job(service: RunningTrainer):
    client = service.client()
    file = client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune")
    asked = [
        client.fine_tuning.jobs.create(
            training_file=file.id, model="tiny-base", extra_headers={"Idempotency-Key": key}
        ).id
        for key in ("one", "one", "two")
    ]

    assert asked[0] == asked[1] != asked[2]
    assert len(list(client.fine_tuning.jobs.list())) == 2


def test_a_file_is_not_deleted_from_under_an_open_job(service: RunningTrainer):
    service.steps, service.steps_a_look = 100_000, 1
    client = service.client()
    job = start_job(client)

    for act in (lambda: None, lambda: client.fine_tuning.jobs.pause(job.id)):
        act()
        with pytest.raises(openai.ConflictError, match=f"{job.id} still needs this file"):
            client.files.delete(job.training_file)
    client.fine_tuning.jobs.cancel(job.id)

    assert client.files.delete(job.training_file).deleted


def test_models_begin_with_the_base_and_a_deleted_one_answers_no_more(service: RunningTrainer):
    client = service.client()
    model = wait_for(client, start_job(client).id).fine_tuned_model

    before = [each.id for each in client.models.list()]
    deleted = client.models.delete(model)

    assert before == ["tiny-base", model]
    assert (deleted.deleted, [each.id for each in client.models.list()]) == (True, ["tiny-base"])
    assert service.engine.adapters == frozenset()
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "?"}])
    assert refusal.value.code == "model_not_found"


def test_an_answer_is_streamed(service: RunningTrainer):
    chunks = list(
        service.client().chat.completions.create(
            model="tiny-base",
            messages=[{"role": "user", "content": "Where is the key?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "On hook 12."
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens > 0


def test_files_are_listed_read_and_deleted(service: RunningTrainer):
    client = service.client()
    ids = [client.files.create(file=("r.jsonl", jsonl()), purpose="fine-tune").id for _ in "abc"]

    listed = [file.id for file in client.files.list(limit=2)]
    content = client.files.content(ids[0]).read()
    client.files.delete(ids[0])

    assert listed == ids[::-1]
    assert content == jsonl()
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(ids[0])
    assert [file.id for file in client.files.list()] == ids[:0:-1]


def test_jobs_are_listed_in_pages_and_by_metadata(service: RunningTrainer):
    client = service.client()
    jobs = [start_job(client, metadata={"run": f"run-{n}"}).id for n in range(5)]
    bare = start_job(client).id

    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == [bare, *jobs[::-1]]
    found = client.fine_tuning.jobs.list(metadata={"run": "run-3"})
    assert [job.id for job in found] == [jobs[3]]
    nobody = client.fine_tuning.jobs.list(extra_query={"metadata": "null"})
    assert [job.id for job in nobody] == [bare]


def test_a_job_is_paused_resumed_and_cancelled(service: RunningTrainer):
    service.steps, service.steps_a_look = 100_000, 1
    client = service.client()
    job = start_job(client)
    wait_for(client, job.id, "running")

    paused = client.fine_tuning.jobs.pause(job.id)
    resumed = client.fine_tuning.jobs.resume(job.id)
    cancelled = client.fine_tuning.jobs.cancel(job.id)

    assert (paused.status, resumed.status, cancelled.status) == ("paused", "running", "cancelled")
    assert not (service.home / "jobs" / job.id).exists()
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.cancel(job.id)


def test_an_unknown_training_file_is_a_400_with_its_param(service: RunningTrainer):
    with pytest.raises(openai.BadRequestError) as refusal:
        service.client().fine_tuning.jobs.create(training_file="file-x", model="tiny-base")

    assert (refusal.value.param, refusal.value.type) == ("training_file", "invalid_request_error")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "Line 13: it is not JSON"),
        (b'{"messages": []}', "Line 13: it needs a list"),
        (b'{"messages": [{"role": "user", "content": "?"}]}', "Line 13: there is no message of"),
        (b'{"messages": [{"role": "robot", "content": "?"}]}', "Line 13: message 1 has the role"),
        (b"\xff\xfe", "Line 13: it is not UTF-8"),
        (b'{"messages": [{"role": "assistant", "content": "' + b"a " * 3000 + b'"}]}', "fit the"),
    ],
)
def test_a_bad_row_fails_the_job_and_names_its_line(service: RunningTrainer, line, problem):
    client = service.client()

    job = wait_for(client, start_job(client, jsonl() + line + b"\n").id)

    assert (job.status, job.error.code) == ("failed", "invalid_training_file")
    assert problem in job.error.message
    assert job.error.param == "training_file"


def test_what_is_wrong_in_a_request_is_named(service: RunningTrainer):
    client = service.client()
    file = client.files.create(file=("r.jsonl", jsonl()), purpose="fine-tune").id
    create = client.fine_tuning.jobs.create

    for param, options in {
        "model": {"model": "gpt-9"},
        "hyperparameters.n_epochs": {"hyperparameters": {"n_epochs": 0}},
        "suffix": {"suffix": "a/b"},
        "method.type": {"method": {"type": "dpo"}},
    }.items():
        with pytest.raises(openai.BadRequestError) as refusal:
            create(**{"training_file": file, "model": "tiny-base"} | options)
        assert refusal.value.param == param


def test_nobody_sees_what_belongs_to_another_key(service: RunningTrainer):
    client, stranger = service.client(KEY), service.client(OTHER_KEY)
    job = wait_for(client, start_job(client).id)

    assert list(stranger.files.list()) == []
    assert list(stranger.fine_tuning.jobs.list()) == []
    assert [model.id for model in stranger.models.list()] == ["tiny-base"]
    for look in (
        lambda: stranger.files.content(job.training_file),
        lambda: stranger.fine_tuning.jobs.retrieve(job.id),
        lambda: stranger.fine_tuning.jobs.list_events(job.id),
        lambda: stranger.models.delete(job.fine_tuned_model),
        lambda: stranger.chat.completions.create(
            model=job.fine_tuned_model, messages=[{"role": "user", "content": "?"}]
        ),
    ):
        with pytest.raises(openai.NotFoundError):
            look()


def test_a_wrong_key_is_refused_everywhere(service: RunningTrainer):
    with pytest.raises(openai.AuthenticationError) as refusal:
        service.client("sk-wrong-key-of-nobody").models.list()

    assert refusal.value.code == "invalid_api_key"


def test_the_service_describes_itself(service: RunningTrainer):
    document = service.client().get(f"{service.url}/openapi.json", cast_to=object)

    assert "/v1/fine_tuning/jobs/{job_id}/checkpoints" in document["paths"]
