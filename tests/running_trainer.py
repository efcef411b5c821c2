"""A really running fine-tuning service for tests, with scripted training and a scripted engine."""

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.engines.base_model import BaseModel
from bot.trainer_service.desk import Desk
from bot.trainer_service.quotas import Quotas
from bot.trainer_service.server import make_app
from bot.trainer_service.store import Store
from bot.training.openai_api import OpenAITrainer
from bot.training.provider import openai_provider
from bot.training.trainer import Trainer
from tests.knowing_engine import KnowingEngine
from tests.running_sandbox import free_port
from tests.scripted_trainer import ScriptedTrainer

KEY = "sk-test-key-of-the-team"
OTHER_KEY = "sk-test-key-of-others"
KEYS = {KEY: "team", OTHER_KEY: "others"}
BASE = BaseModel("tiny-base", Path("base.gguf"), "0" * 64)
START_SECONDS = 60.0


class RunningTrainer:
    """The service on a port of its own; ``steps`` and ``fails_at`` are for jobs to come."""

    def __init__(self, home: Path, options: dict[str, Any]) -> None:
        self.home = home
        self.steps = 6
        self.steps_a_look = 3
        self.fails_at: int | None = None
        self.starts: list[Path] = []
        self.hyperparameters: list[Any] = []
        self.engine = KnowingEngine({"Where is the key?": "On hook 12."}, lambda *_: 1.0)
        self.port = free_port()
        self._options = options
        self._stack = contextlib.ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def client(self, key: str = KEY, **options: Any) -> openai.OpenAI:
        given = {"max_retries": 0, "timeout": 20} | options
        client = openai.OpenAI(base_url=self.base_url, api_key=key, **given)
        self._stack.callback(client.close)
        return client

    def close_at_end(self, close: Callable[[], None]) -> None:
        self._stack.callback(close)

    def close_clients(self) -> None:
        self._stack.close()

    def fault(self, **fault: Any) -> None:
        """Make the next requests go wrong; without anything, nothing more does."""
        request = urllib.request.Request(f"{self.url}/faults", json.dumps(fault).encode())
        urllib.request.urlopen(request, timeout=10).close()

    def make_trainer(self, folder: Path, hyperparameters: Any) -> Trainer:
        self.hyperparameters.append(hyperparameters)
        return ScriptedTrainer(
            folder,
            total_steps=self.steps,
            steps_a_look=self.steps_a_look,
            fails_at=self.fails_at,
        )

    def desk(self) -> Desk:
        made: dict[str, Any] = {"make_trainer": self.make_trainer, "base": BASE}
        desk = {k: v for k, v in self._options.items() if k not in ("quotas", "keys")}
        return Desk(
            store=Store(self.home / "service.db"),
            home=self.home,
            **({"engine": self.engine} | made | desk),
        )


def trainer_at(service: RunningTrainer, key: str = KEY, **options: Any) -> OpenAITrainer:
    """The trainer ``openai``, as a bot has it whose OPENAI_BASE_URL is the service."""
    provider = options.pop("provider", None) or openai_provider(key, service.base_url)
    given = {"poll_seconds": 0, "max_retries": 0, "timeout_seconds": 20} | options
    trainer = OpenAITrainer(provider, given.pop("installation", "bot-1"), **given)
    service.close_at_end(trainer.stop)
    return trainer


class WithoutKeys:
    """Middleware that hides each request's Idempotency-Key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "headers" in scope:
            kept = [pair for pair in scope["headers"] if pair[0] != b"idempotency-key"]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)


@contextlib.contextmanager
def running_trainer(home: Path, **options: Any) -> Iterator[RunningTrainer]:
    """
    Serve until the block ends; options are the desk's, ``quotas`` and ``keys``. ``repeats`` makes
    it a server that knows no Idempotency-Key, as OpenAI's and others are.
    """
    repeats = options.pop("repeats", False)
    trainer = RunningTrainer(home, options)
    app = make_app(
        trainer.desk(), options.get("keys", KEYS), options.get("quotas", Quotas()), faults=True
    )
    if repeats:
        app.add_middleware(WithoutKeys)
    config = uvicorn.Config(
        app, port=trainer.port, log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < end, "the service did not start in time"
            time.sleep(0.02)
        yield trainer
    finally:
        trainer.close_clients()
        server.should_exit = True
        thread.join()


def jsonl(count: int = 12) -> bytes:
    """A training file of short rows."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Where is key {number}?"},
                {"role": "assistant", "content": f"On hook {number}."},
            ]
        }
        for number in range(count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def wait_for(client: openai.OpenAI, job_id: str, *statuses: str, seconds: float = 60.0) -> Any:
    """Return the job once it has one of these states; by default, once it has ended."""
    wanted = statuses or ("succeeded", "failed", "cancelled")
    end = time.monotonic() + seconds
    while True:
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status in wanted:
            return job
        assert time.monotonic() < end, f"the job is still {job.status}"
        time.sleep(0.05)
