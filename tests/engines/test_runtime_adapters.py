"""Our adapters on somebody else's vLLM, played by the scripted engine with vLLM's words."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.assembly import make_engine
from bot.engines.adapter_files import CONFIG, GGUF, MANIFEST, WEIGHTS
from bot.engines.base_model import BaseModel
from bot.engines.client import Beginning, Message
from bot.engines.errors import (
    AdapterFileError,
    AdapterUnknownError,
    EngineDiedError,
    EngineUnavailableError,
)
from bot.engines.routed import RoutedEngine
from bot.engines.runtime_adapters import RuntimeAdapterEngine
from bot.evaluation.parity import PROVEN, Parity
from bot.pipeline.proving import parity_of
from bot.settings import load_settings
from storage.tables import Run
from tests.scripted_engine import ScriptedEngine, scripted_engine
from tests.scripted_tokens import FIRST, ids_of, write_seen

QUESTION: list[Message] = [{"role": "user", "content": "Where is the key?"}]


@pytest.fixture
def vllm() -> Iterator[ScriptedEngine]:
    with scripted_engine() as script:
        script.loaded = {}
        script.reply = lambda _: "On hook twelve by the door."
        yield script


@pytest.fixture
def engine(vllm: ScriptedEngine) -> Iterator[RuntimeAdapterEngine]:
    made = RuntimeAdapterEngine(vllm.url, "key")
    made.start()
    yield made
    made.stop()


def adapter(folder: Path, *, rank: int = 8) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps({"r": rank}))
    (folder / WEIGHTS).write_bytes(str(folder).encode())
    return folder / GGUF


def test_a_version_is_loaded_under_a_name_that_stays_its_own(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    (first,) = vllm.loaded
    engine.switch({"workspace-v1": adapter(tmp_path / "other team")})

    assert engine.complete(QUESTION, adapter="workspace-v1").text == "On hook twelve by the door."
    (second,) = vllm.loaded
    assert first.startswith("workspace-v1-")
    assert second.startswith("workspace-v1-")
    assert first != second == vllm.asked[-1]["model"]
    with pytest.raises(AdapterUnknownError):
        engine.complete(QUESTION, adapter="workspace-v2")


def test_a_switch_lets_an_answer_under_way_finish(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    (old,) = vllm.loaded
    pieces = engine.stream(QUESTION, adapter="workspace-v1")
    said = next(pieces)

    engine.switch({"workspace-v2": adapter(tmp_path / "2")})

    assert old in vllm.loaded
    assert said + "".join(pieces) == "On hook twelve by the door."
    assert old not in vllm.loaded
    assert len(vllm.loaded) == 1


def test_a_reader_who_leaves_lets_the_old_adapter_go(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    pieces = engine.stream(QUESTION, adapter="workspace-v1")
    next(pieces)
    engine.switch({})

    pieces.close()

    assert vllm.loaded == {}


@pytest.mark.parametrize("streams", [True, False])
def test_a_server_that_was_started_again_gets_them_again(vllm, engine, tmp_path, streams):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    vllm.loaded = {}

    if streams:
        text = "".join(engine.stream(QUESTION, adapter="workspace-v1"))
    else:
        text = engine.complete(QUESTION, adapter="workspace-v1").text

    assert text == "On hook twelve by the door."
    assert len(vllm.loaded) == 1


def test_what_a_bot_loaded_before_it_was_restarted_is_taken_as_it_is(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    again = RuntimeAdapterEngine(vllm.url, "key")

    again.switch({"workspace-v1": tmp_path / "1" / GGUF})

    assert again.complete(QUESTION, adapter="workspace-v1").text
    again.stop()


def test_what_is_refused_is_named_and_nothing_changes(vllm, engine, tmp_path):
    good = {"workspace-v1": adapter(tmp_path / "1")}
    engine.switch(good)
    served = dict(vllm.loaded)

    with pytest.raises(AdapterFileError, match=r"rank 64 is greater.*--max-lora-rank") as refusal:
        engine.switch({**good, "c0ops-v1": adapter(tmp_path / "2", rank=64)})
    assert refusal.value.adapter == "c0ops-v1"
    with pytest.raises(AdapterFileError, match=r"workspace-v3 is missing"):
        engine.switch({**good, "workspace-v3": tmp_path / "none" / GGUF})
    (tmp_path / "1" / CONFIG).unlink()
    other = RuntimeAdapterEngine(vllm.url, "key")
    vllm.loaded = {}
    with pytest.raises(AdapterFileError, match=r"No adapter found for .* same path"):
        other.switch(good)
    other.stop()

    vllm.loaded = served
    assert engine.adapters == {"workspace-v1"}
    assert engine.complete(QUESTION, adapter="workspace-v1").text


def test_weights_that_are_not_those_that_were_made_are_not_loaded(vllm, engine, tmp_path):
    made = adapter(tmp_path / "1")
    digest = hashlib.sha256((tmp_path / "1" / WEIGHTS).read_bytes()).hexdigest()
    (tmp_path / "1" / MANIFEST).write_text(json.dumps({"files": {WEIGHTS: digest}}))
    engine.switch({"workspace-v1": made})
    (tmp_path / "1" / WEIGHTS).write_bytes(b"somebody else's")

    with pytest.raises(AdapterFileError, match="workspace-v1"):
        engine.switch({"workspace-v1": made})
    assert [name[-12:] for name in vllm.loaded] == [digest[:12]]


@pytest.mark.parametrize("streams", [True, False])
def test_a_server_that_was_started_again_and_refuses_it_lets_another_answer(
    vllm, engine, tmp_path, caplog, streams
):
    path = adapter(tmp_path / "1")
    engine.switch({"workspace-v1": path})
    vllm.loaded = {}
    adapter(tmp_path / "1", rank=64)

    ask = engine.stream if streams else engine.complete
    with pytest.raises(AdapterUnknownError) as unknown:
        list(ask(QUESTION, adapter="workspace-v1"))

    assert str(tmp_path) not in str(unknown.value), "people are told no folder of ours"
    assert "--max-lora-rank" in caplog.text, "who keeps the server is"
    assert "".join(engine.stream(QUESTION))


def test_a_server_that_takes_no_adapters_says_what_to_set(vllm, engine, tmp_path):
    vllm.loaded = None

    with pytest.raises(AdapterFileError, match=r"Not Found.*VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        engine.switch({"workspace-v1": adapter(tmp_path / "1")})


def test_nothing_is_asked_again_once_a_word_was_shown(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    vllm.die_after_pieces, vllm.deaths = 2, 9
    asked = len(vllm.asked)

    with pytest.raises(EngineDiedError):
        list(engine.stream(QUESTION, adapter="workspace-v1"))
    assert len(vllm.asked) == asked + 1
    vllm.die_after_pieces = 0
    with pytest.raises(EngineUnavailableError):
        list(engine.stream(QUESTION, adapter="workspace-v1"))


def test_what_it_sees_of_a_prompt_is_told_token_by_token(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})
    vllm.tokens, vllm.first = lambda messages: [1, 2, 3], {5: -0.1, 9: -2.5}

    begun = engine.beginning(QUESTION, adapter="workspace-v1", top=10)

    assert (begun.tokens, begun.count) == ([1, 2, 3], 3)
    assert [(token.id, token.log_prob) for token in begun.top or ()] == [(5, -0.1), (9, -2.5)]
    vllm.loaded = {}  # started again
    assert engine.beginning(QUESTION, adapter="workspace-v1", top=10) == begun
    (served,) = vllm.loaded
    assert vllm.asked[-1]["model"] == served


def test_what_it_does_not_tell_is_not_made_up(vllm, engine, tmp_path):
    engine.switch({"workspace-v1": adapter(tmp_path / "1")})

    assert engine.beginning(QUESTION, adapter="workspace-v1", top=10) == Beginning()
    vllm.status = 400  # a server that takes no such request
    assert engine.beginning(QUESTION, adapter="workspace-v1", top=10) == Beginning()
    with pytest.raises(AdapterUnknownError):
        engine.beginning(QUESTION, adapter="workspace-v2", top=10)


def test_a_version_it_serves_is_proven_or_refuted(vllm, engine, tmp_path):
    gguf = adapter(tmp_path / "1")
    write_seen(tmp_path / "1", [[*QUESTION, {"role": "assistant", "content": "There."}]])
    engine.switch({"workspace-v1": gguf})
    workshop: Any = SimpleNamespace(engine=RoutedEngine(engine), home=tmp_path)
    version: Any = SimpleNamespace(name="workspace-v1", adapter_path="1")

    def found() -> Parity:
        return parity_of(workshop, Run(), version)

    vllm.tokens, vllm.first = ids_of, {token.id: token.log_prob for token in FIRST}
    assert found() == PROVEN
    vllm.tokens = lambda messages: [7, *ids_of(messages)]
    assert "token 0 was" in str(found().difference)
    vllm.tokens, vllm.first = ids_of, {7: -3.0, 9: -0.1}
    assert "the first word differ" in str(found().difference)
    vllm.first = None
    assert found() == Parity(
        unproven="whoever serves it does not say how likely its first words are."
    )


def test_the_settings_make_it(vllm, tmp_path):
    settings = load_settings(
        engine="openai_api", engine_base_url=vllm.url, engine_adapters="vllm", _env_file=None
    )
    engine = make_engine(settings, BaseModel("base", tmp_path / "base.gguf", "0"))

    engine.switch({"workspace-v1": adapter(tmp_path / "1")})

    assert isinstance(engine, RoutedEngine)
    assert engine.complete(QUESTION, adapter="workspace-v1").text == "On hook twelve by the door."
    engine.stop()
