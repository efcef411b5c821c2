"""The tutorial once with nothing scripted: ``python -m bot trainer``, the official client."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import openai
import pytest

from tests.models import models_dir, tiny_base, tiny_folder  # noqa: F401 - fixtures
from tests.running_sandbox import free_port
from tests.running_trainer import KEY, jsonl, wait_for

START_SECONDS = 300.0


def start(home: Path, base: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "OPENAI_"))}
    settings = {"APPRENTICE_HOME": str(home), "BASE_MODEL": str(base), "ENGINE_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "trainer", "--port", str(port)],
        env={**environment, **settings, "APPRENTICE_TRAINER_KEYS": f"team={KEY}"},
    )
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the service ended"
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return process
        time.sleep(0.1)
    raise AssertionError("the service did not start")


@pytest.mark.slow
def test_upload_train_kill_and_ask_the_tuned_model(tmp_path, tiny_base):  # noqa: F811 - fixture
    port = free_port()
    process = start(tmp_path, tiny_base.gguf_path, port)
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, timeout=120)
    try:
        file = client.files.create(file=("rows.jsonl", jsonl()), purpose="fine-tune")
        held_out = client.files.create(file=("held out.jsonl", jsonl(2)), purpose="fine-tune")
        (base,) = client.models.list()
        job_id = client.fine_tuning.jobs.create(
            training_file=file.id,
            validation_file=held_out.id,
            model=base.id,
            suffix="keys",
            hyperparameters={"n_epochs": 1},
        ).id
        wait_for(client, job_id, "running", "succeeded", seconds=START_SECONDS)
        process.kill()
        process.wait()
        process = start(tmp_path, tiny_base.gguf_path, port)

        job = wait_for(client, job_id, seconds=START_SECONDS)
        question = [{"role": "user", "content": "Where is key 3?"}]
        answer = client.chat.completions.create(
            model=job.fine_tuned_model, messages=question, max_tokens=8
        )
        pieces = client.chat.completions.create(
            model=base.id, messages=question, max_tokens=8, stream=True
        )

        assert (job.status, job.error) == ("succeeded", None)
        assert [model.id for model in client.models.list()] == [base.id, job.fine_tuned_model]
        assert job.trained_tokens > 12
        assert answer.usage.completion_tokens > 0
        assert "".join(piece.choices[0].delta.content or "" for piece in pieces)
        steps = [e for e in client.fine_tuning.jobs.list_events(job_id) if e.type == "metrics"]
        assert len(steps) == 3
        assert "full validation loss=" in steps[0].message, "the newest event comes first"
        (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job_id)
        assert checkpoint.metrics.full_valid_loss == steps[0].data["full_valid_loss"] > 0
        result = client.files.content(job.result_files[0]).read().decode()
        last = list(csv.DictReader(io.StringIO(result)))[-1]
        assert float(last["full_valid_loss"]) == checkpoint.metrics.full_valid_loss
    finally:
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
