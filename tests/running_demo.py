"""A whole demo in a folder of its own: ``with running_demo(home) as demo: ...``."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.running_sandbox import RunningSandbox, free_port

START_SECONDS = 180.0
STOP_SECONDS = 40.0
#: By a part of the command line.
MARKS = {
    "sandbox": "bot.parent bot.sandbox",
    "bot": "bot.parent bot run",
    "engine": "bot.engines.llama_child",
    "training": "bot.training.lora_job",
}


@dataclass
class RunningDemo(RunningSandbox):
    """What people do to it comes from ``RunningSandbox``; ``home`` is its APPRENTICE_HOME."""

    home: Path

    @property
    def database(self) -> Path:
        return self.home / "apprentice.db"

    def processes(self) -> dict[str, psutil.Process]:
        """Its parts by name, as far as they live now."""
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                line = " ".join(child.cmdline())
                found |= {name: child for name, mark in MARKS.items() if mark in line}
        return found

    def stop(self) -> int:
        """Stop it as Ctrl-C does; returns the exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@contextlib.contextmanager
def running_demo(home: Path, *arguments: str, port: int | None = None) -> Iterator[RunningDemo]:
    """Run ``python -m bot demo`` until the block ends; begins when the bot is connected."""
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--port", str(port), *arguments],
        env={**os.environ, "APPRENTICE_HOME": str(home)},
        stdout=sys.stderr,
    )
    demo = RunningDemo(port, process, home)
    try:
        _await_connection(demo)
        yield demo
    finally:
        if process.poll() is None:
            demo.stop()


def _await_connection(demo: RunningDemo) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if demo.process.poll() is not None:
            raise AssertionError(f"The demo ended with code {demo.process.returncode}.")
        with contextlib.suppress(OSError):
            if demo.state("connected")["connected"]:
                return
        time.sleep(0.1)
    raise AssertionError("The demo did not start.")
