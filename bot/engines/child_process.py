"""
One engine child, seen from the bot: started, asked, drained, ended.

Holds the process and who is still reading from it; decides nothing about restarts.
"""

import contextlib
import itertools
import json
import logging
import re
import secrets
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.engines.chat_client import ChatClient
from bot.engines.child_environment import child_environment
from bot.engines.client import Completion, FirstToken, Message
from bot.engines.errors import (
    AdapterFileError,
    AdapterUnknownError,
    BaseModelError,
    EngineStartError,
)
from bot.errors import EngineError

log = logging.getLogger(__name__)

#: A large base model on a slow disk takes minutes to load.
START_SECONDS = 300.0
#: How long answers may go on after a switch before the old child is ended anyway.
DRAIN_SECONDS = 180.0
STOP_SECONDS = 5.0

_BROKEN_ADAPTER = re.compile(r"failed to load lora adapter '(?P<path>.*)'")
_BROKEN_BASE = re.compile(r"failed to load model")


@dataclass(frozen=True)
class ChildConfig:
    """What one child serves. ``adapters`` maps a model version's name to its GGUF file."""

    gguf_path: Path
    adapters: Mapping[str, Path]
    slots: int
    context_per_slot: int
    threads: int


class EngineChild:
    """A running child. Its adapters never change: other adapters are another child."""

    def __init__(self, process: "subprocess.Popen[str]", config: ChildConfig, api_key: str) -> None:
        """Use ``start_child``."""
        self.process = process
        self.config = config
        self._api_key = api_key
        self._stderr: deque[str] = deque(maxlen=50)
        self._idle = threading.Condition()
        self._readers = 0
        self._answers = itertools.count()
        #: Prompts that a slot has read for the base model, the newest last.
        self._read: deque[Sequence[Message]] = deque(maxlen=config.slots)
        #: True once it is meant to end.
        self.retired = False
        self._stderr_reader = threading.Thread(
            target=self._follow_stderr, name="engine-stderr", daemon=True
        )
        self._stderr_reader.start()

    def await_address(self, deadline: float) -> None:
        """
        Wait until the child serves; ``deadline`` is on the monotonic clock.

        Raises:
            AdapterFileError, BaseModelError, EngineStartError: why it does not.
        """
        line = self._first_line(deadline)
        if not line:
            raise self._reason()
        self.address: str = json.loads(line)["address"]
        self.client = ChatClient(f"{self.address}/v1", self._api_key)

    def complete(
        self, messages: Sequence[Message], adapter: str | None, scale: float, max_tokens: int
    ) -> Completion:
        """
        Return the whole answer; one of an adapter is computed together with others where the
        base model has just read the same prompt.
        """
        if adapter is not None and messages in self._read and self._invocation_tokens:
            together = self.request_options(adapter, scale, is_alone=False)
            answer = self._complete(messages, max_tokens, together)
            if answer.prompt_tokens - answer.cached_tokens <= self._invocation_tokens + 1:
                return answer
            # Another prompt took the slot meanwhile: this one was read again, perhaps with the
            # adapter on (`_told_apart`). What the base asks makes the slot forget that.
            self._complete(messages, 1, self.request_options(None))
        answer = self._complete(messages, max_tokens, self.request_options(adapter, scale))
        if adapter is None:
            self._read.append(messages)
        return answer

    def _complete(
        self, messages: Sequence[Message], max_tokens: int, options: dict[str, Any]
    ) -> Completion:
        # llama.cpp serves one model and ignores the name.
        return self.client.complete(
            messages, model="apprentice", max_tokens=max_tokens, extra_body=options
        )

    @cached_property
    def _invocation_tokens(self) -> int:
        """How many tokens begin what activated adapters act on; 0 where one acts on all."""
        adapters = self.client.get(f"{self.address}/lora-adapters")
        return min((len(each.get("alora_invocation_tokens", ())) for each in adapters), default=0)

    def request_options(
        self, adapter: str | None, scale: float = 1.0, *, is_alone: bool = True
    ) -> dict[str, Any]:
        """
        Choose the adapter for one request; ``is_alone``: it shares its batch with no other.

        Raises:
            AdapterUnknownError: this child does not serve it.
        """
        if adapter is not None and adapter not in self.config.adapters:
            raise AdapterUnknownError(adapter)
        chosen = self._told_apart(scale) if is_alone else scale
        # The whole list, always: without it llama.cpp applies every adapter at once.
        scales = [
            {"id": number, "scale": chosen if name == adapter else 0.0}
            for number, name in enumerate(self.config.adapters)
        ]
        return {"lora": scales, "cache_prompt": True}

    def _told_apart(self, scale: float) -> float:
        """
        The scale, but for some millionths that differ from answer to answer.

        llama.cpp computes answers with equal lists together. Where one of them still reads its
        prompt, for which an activated adapter is off, it then goes on without its adapter.
        Unequal lists are computed one after another, and right.
        """
        return scale + (1 + next(self._answers) % 999) * 1e-6

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt llama.cpp makes of the messages."""
        body = {"messages": list(messages)}
        return str(self.client.post(f"{self.address}/apply-template", body)["prompt"])

    def tokenize(self, prompt: str) -> list[int]:
        """Return the ids of a rendered prompt."""
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return [
            int(token) for token in self.client.post(f"{self.address}/tokenize", body)["tokens"]
        ]

    def first_tokens(
        self, messages: Sequence[Message], adapter: str | None, top: int
    ) -> list[FirstToken]:
        """
        Return the likeliest first tokens of an answer.

        Empty where the answer ends before its first word: llama.cpp then gives none.
        """
        body = {
            "messages": list(messages),
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": top,
            **self.request_options(adapter),
        }
        answer = self.client.post(f"{self.address}/v1/chat/completions", body)
        told = (answer["choices"][0].get("logprobs") or {}).get("content") or [{}]
        first = told[0].get("top_logprobs", [])
        return [FirstToken(int(t["id"]), str(t["token"]), float(t["logprob"])) for t in first]

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Keep the child alive while one answer is read."""
        with self._idle:
            self._readers += 1
        try:
            yield
        finally:
            with self._idle:
                self._readers -= 1
                self._idle.notify_all()

    def retire(self) -> None:
        """End the child once the last answer has been read; returns at once."""
        self.retired = True
        threading.Thread(target=self._drain, name="engine-drain", daemon=True).start()

    def stop(self) -> None:
        """End the child now."""
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._stderr_reader.join(STOP_SECONDS)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        if hasattr(self, "client"):
            self.client.close()

    def _drain(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._readers == 0, timeout=DRAIN_SECONDS)
        self.stop()

    def _first_line(self, deadline: float) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
        return self.process.stdout.readline() if ready else ""

    def _follow_stderr(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._stderr.append(line.rstrip())
            log.debug("engine: %s", line.rstrip())

    def _reason(self) -> EngineError:
        """Say why no address came, from what llama.cpp wrote."""
        self.process.kill()
        self.process.wait()
        self._stderr_reader.join(STOP_SECONDS)
        for line in self._stderr:
            if broken := _BROKEN_ADAPTER.search(line):
                return AdapterFileError(self._name_of(broken["path"]))
            if _BROKEN_BASE.search(line):
                return BaseModelError(
                    f"llama.cpp cannot load {self.config.gguf_path.name}: the file is missing, "
                    "broken or of an architecture it does not know. Set BASE_MODEL to a "
                    "complete GGUF file of an instruct model."
                )
        return EngineStartError(self._stderr[-1] if self._stderr else "it gave no sign of life")

    def _name_of(self, path: str) -> str:
        names = (name for name, file in self.config.adapters.items() if str(file) == path)
        return next(names, path)


def start_child(config: ChildConfig, *, start_seconds: float = START_SECONDS) -> EngineChild:
    """
    Start a child and wait until it serves.

    Raises:
        AdapterFileError, BaseModelError, EngineStartError: why it does not.
    """
    for name, path in config.adapters.items():
        if not path.is_file():
            raise AdapterFileError(name)
    api_key = secrets.token_urlsafe(32)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.engines.llama_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
        text=True,
        errors="replace",
    )
    child = EngineChild(process, config, api_key)
    try:
        _configure(process, config, api_key)
        child.await_address(time.monotonic() + start_seconds)
    except BaseException:
        child.stop()
        raise
    return child


def _configure(process: "subprocess.Popen[str]", config: ChildConfig, api_key: str) -> None:
    line = json.dumps(
        {
            "gguf_path": str(config.gguf_path),
            "adapter_paths": [str(path) for path in config.adapters.values()],
            "slots": config.slots,
            "context_per_slot": config.context_per_slot,
            "threads": config.threads,
            "api_key": api_key,
        }
    )
    assert process.stdin is not None
    # A child that died at once is reported by `await_address`, with its own words.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(line + "\n")
        process.stdin.flush()
