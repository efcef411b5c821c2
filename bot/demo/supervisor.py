"""
Starts the sandbox and the bot, restarts the bot when it dies, ends both on Ctrl-C.

Knows processes and ports; what the demo's workspace contains is in ``bot.demo.history``.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import httpx2

from bot.demo.alone import alone
from bot.demo.history import HISTORY_FILE, read_or_write_history
from bot.demo.seeding import seed_examples
from bot.errors import BotError
from bot.settings import Settings

#: Only what the sandbox accepts; it is no secret and opens nothing else.
SANDBOX_BOT_TOKEN = "xoxb-sandbox"
SANDBOX_APP_TOKEN = "xapp-sandbox"
MANIFEST = Path(__file__).parents[2] / "manifest.json"
START_SECONDS = 120.0
STOP_SECONDS = 15.0
RESTARTS = 5


class DemoError(BotError):
    """Raised when the demo cannot start; says what to do."""


def run_demo(settings: Settings, *, port: int, reset: bool) -> int:
    """
    Run until Ctrl-C; returns the exit code.

    Raises:
        DemoError: the port is taken, or a child does not start.
        DemoRunsError: another demo uses the same folder.
    """
    home = settings.apprentice_home.resolve()
    with alone(home, f"http://localhost:{port}"):
        _require_free(port)
        if reset:
            erase(home)
        return _run(settings, home, port)


def _run(settings: Settings, home: Path, port: int) -> int:
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _setter(stopping))
    children = _Children(settings, home, port, stopping)
    try:
        return children.run()
    finally:
        children.stop()


def erase(home: Path) -> None:
    """
    Delete what a demo left in ``home``, and nothing else that may lie there. The ledger goes too:
    who asked to be forgotten in the old workspace would be forgotten in the new one.
    """
    for pattern in ("apprentice.db*", "erasures.jsonl*", "sandbox", "jobs", "*-jobs", "runs",
                    "sandbox-history.json"):  # fmt: skip
        for path in home.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


class _Children:
    def __init__(
        self, settings: Settings, home: Path, port: int, stopping: threading.Event
    ) -> None:
        self._settings = settings
        self._home = home
        self._port = port
        self._address = f"http://localhost:{port}"
        self._stopping = stopping
        self._sandbox: subprocess.Popen[bytes] | None = None
        self._bot: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        started = time.monotonic()
        say("Preparing the database and the first examples")
        history = read_or_write_history(self._home / HISTORY_FILE)
        seed_examples(self._settings.effective_database_url, history, self._address)
        say("Starting the sandbox")
        self._sandbox = self._start_sandbox()
        self._await(lambda status: status in {200, 503}, self._sandbox, "The sandbox")
        say("Starting the bot and its engine")
        self._bot = self._start_bot()
        self._await(lambda status: status == 200, self._bot, "The bot")
        if self._stopping.is_set():
            return 0
        say(f"Ready after {time.monotonic() - started:.0f} s. Open {self._address}")
        say("Ctrl-C stops it; everything stays in " + _short(self._home))
        return self._watch()

    def stop(self) -> None:
        running = [child for child in (self._bot, self._sandbox) if child and child.poll() is None]
        if running:
            say("Stopping")
        # The bot first: it says goodbye to the sandbox.
        for child in running:
            _end(child)

    def _watch(self) -> int:
        restarts = 0
        assert self._sandbox is not None
        assert self._bot is not None
        while not self._stopping.wait(0.5):
            if self._sandbox.poll() is not None:
                raise DemoError(
                    "The sandbox ended unexpectedly; what it printed is above. Start again: "
                    "nothing is lost."
                )
            if self._bot.poll() is not None:
                restarts += 1
                if restarts > RESTARTS:
                    raise DemoError(
                        f"The bot ended {restarts} times; what it printed is above. Start again: "
                        "nothing is lost."
                    )
                say(f"The bot ended (exit code {self._bot.returncode}); starting it again")
                self._bot = self._start_bot()
        return 0

    def _start_sandbox(self) -> "subprocess.Popen[bytes]":
        command = [
            *("bot.sandbox", "--port", str(self._port)),
            *("--home", str(self._home / "sandbox")),
            *("--history", str(self._home / HISTORY_FILE)),
            *("--manifest", str(MANIFEST)),
        ]
        return _start(command, os.environ)

    def _start_bot(self) -> "subprocess.Popen[bytes]":
        # People look at the page; what is logged here would bury the line that says where it is.
        is_chosen = "log_level" in self._settings.model_fields_set
        environment = {
            **os.environ,
            "LOG_LEVEL": self._settings.log_level if is_chosen else "WARNING",
            "SLACK_API_URL": f"http://127.0.0.1:{self._port}/api/",
            "SLACK_BOT_TOKEN": SANDBOX_BOT_TOKEN,
            "SLACK_APP_TOKEN": SANDBOX_APP_TOKEN,
            "SLACK_SIGNING_SECRET": "",
            "APPRENTICE_HOME": str(self._home),
            "APPRENTICE_CURATORS": ",".join(self._settings.apprentice_curators or {"U0BOB"}),
        }
        return _start(["bot", "run"], environment)

    def _await(
        self, is_ready: Callable[[int], bool], child: "subprocess.Popen[bytes]", name: str
    ) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._stopping.is_set():
            if child.poll() is not None:
                raise DemoError(f"{name} did not start; what it printed is above.")
            if is_ready(_status(self._address)):
                return
            if time.monotonic() > deadline:
                raise DemoError(f"{name} did not answer within {START_SECONDS:.0f} s.")
            time.sleep(0.1)


def say(sentence: str) -> None:
    print(sentence, flush=True)


def _start(command: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C in the terminal reaches us alone, and we end them in order.
    return subprocess.Popen(
        [sys.executable, "-m", "bot.parent", *command],
        env=dict(environment),
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _status(address: str) -> int:
    """The sandbox's own word: 200 once a bot is connected, 503 before, 0 for no answer."""
    try:
        return httpx2.get(f"{address}/sandbox/state?only=connected", timeout=5.0).status_code
    except httpx2.TransportError:
        return 0


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"Port {port} is in use. Stop what listens there, or take another one: "
                f"make demo PORT={port + 1 if port < 65535 else port - 1}"
            ) from error


def _setter(event: threading.Event) -> Callable[[int, FrameType | None], None]:
    def set_event(_signal: int, _frame: FrameType | None) -> None:
        event.set()

    return set_event


def _short(path: Path) -> str:
    here = Path.cwd()
    return f"./{path.relative_to(here)}" if path.is_relative_to(here) else str(path)
