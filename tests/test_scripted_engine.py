"""The scripted engine keeps the promises of a real one: one set of tests for both."""

import pytest

from bot.engines.base_model import resolve_base_model
from bot.engines.errors import AdapterUnknownError, EngineDiedError
from bot.engines.llama_cpp import LlamaCppEngine
from tests.scripted_engine import scripted_engine

CHAT = [
    {"role": "system", "content": "Answer shortly."},
    {"role": "user", "content": "Where is the printer?"},
    {"role": "assistant", "content": "In room 4."},
    {"role": "user", "content": "Where is the printer?"},
]


@pytest.fixture(
    scope="module", params=["scripted", pytest.param("llama.cpp", marks=pytest.mark.slow)]
)
def engine(request, tmp_path_factory):
    if request.param == "scripted":
        with scripted_engine() as script:
            yield script.engine()
        return
    base = resolve_base_model("", tmp_path_factory.mktemp("models"))
    real = LlamaCppEngine(base.gguf_path, slots=2)
    real.start()
    yield real
    real.stop()


def test_the_pieces_of_a_stream_are_the_whole_answer(engine):
    assert "".join(engine.stream(CHAT)) == engine.complete(CHAT).text


def test_the_same_chat_gets_the_same_answer(engine):
    assert engine.complete(CHAT).text == engine.complete(CHAT).text


def test_longer_chats_have_more_tokens(engine):
    assert engine.count_tokens(CHAT) > engine.count_tokens(CHAT[:2]) > 0


def test_an_adapter_that_is_not_served_is_refused(engine):
    with pytest.raises(AdapterUnknownError):
        list(engine.stream(CHAT, adapter="workspace-v9"))


def test_a_stream_may_be_left_before_its_end(engine):
    next(engine.stream(CHAT))

    assert engine.complete(CHAT).text


def test_a_scripted_death_is_an_engine_that_died():
    with scripted_engine() as script:
        script.die_after_pieces = 1

        with pytest.raises(EngineDiedError):
            list(script.engine().stream(CHAT))
