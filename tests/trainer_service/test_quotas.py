"""What one key may use, and what it is told when that is used up."""

import openai
import pytest

from bot.errors import SettingsError
from bot.trainer_service.keys import read_keys
from bot.trainer_service.quotas import Quotas
from tests.running_trainer import OTHER_KEY, jsonl, running_trainer, wait_for


def upload(client: openai.OpenAI, content: bytes = b"") -> str:
    return client.files.create(file=("r.jsonl", content or jsonl()), purpose="fine-tune").id


def test_files_and_jobs_are_limited_for_each_key(tmp_path):
    quotas = Quotas(file_bytes=4000, stored_bytes=4000, jobs_a_day=1)
    with running_trainer(tmp_path, quotas=quotas) as service:
        client = service.client()
        file = upload(client)
        client.fine_tuning.jobs.create(training_file=file, model="tiny-base")

        with pytest.raises(openai.APIStatusError, match="A file may have 4,000 bytes"):
            upload(client, jsonl(60))
        upload(client, jsonl(16))
        with pytest.raises(openai.RateLimitError) as full:
            upload(client, jsonl(16))
        with pytest.raises(openai.RateLimitError) as tomorrow:
            client.fine_tuning.jobs.create(training_file=file, model="tiny-base")
        upload(service.client(OTHER_KEY))

    assert {full.value.code, tomorrow.value.code} == {"insufficient_quota"}


def test_too_many_requests_are_told_how_long_to_wait(tmp_path):
    with running_trainer(tmp_path, quotas=Quotas(requests_a_minute=3)) as service:
        client = service.client()
        for _ in range(3):
            client.models.list()
        with pytest.raises(openai.RateLimitError) as refusal:
            client.models.list()

    assert 1 <= int(refusal.value.response.headers["retry-after"]) <= 61


def test_only_so_many_models_are_kept_for_one_key(tmp_path):
    with running_trainer(tmp_path, quotas=Quotas(models=1)) as service:
        client = service.client()
        create = client.fine_tuning.jobs.create
        file = upload(client)
        first = wait_for(client, create(training_file=file, model="tiny-base").id)

        with pytest.raises(openai.RateLimitError, match="1 tuned models are kept here"):
            create(training_file=file, model="tiny-base")
        client.models.delete(first.fine_tuned_model)

        again = wait_for(client, create(training_file=file, model="tiny-base").id)
    assert again.status == "succeeded"


def test_too_few_rows_are_refused(tmp_path):
    with running_trainer(tmp_path, fewest_rows=10) as service:
        client = service.client()
        created = client.fine_tuning.jobs.create(
            training_file=upload(client, jsonl(9)), model="tiny-base"
        )
        job = wait_for(client, created.id)

    assert "10 rows are needed" in job.error.message


def test_keys_are_read_with_their_teams():
    owners = read_keys("ops=sk-0123456789abcdef, sk-fedcba9876543210,ops=sk-new-key-of-ops-1")

    assert owners["sk-0123456789abcdef"] == owners["sk-new-key-of-ops-1"] == "ops"
    assert owners["sk-fedcba9876543210"].startswith("key-")
    for wrong in ("", " , ", "ops=short"):
        with pytest.raises(SettingsError, match="openssl rand"):
            read_keys(wrong)
