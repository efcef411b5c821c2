"""
Processes of our own programs, forked from one that has imported them.

To start Python and import a program costs half a second for the sandbox and three for a bot;
forked from a server without threads, each costs little. They read a command line as ever.
"""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["bot.sandbox.__main__", "tests.answering_bot", "tests.bot_lives"])


class Forked:
    """What tests use of ``subprocess.Popen``."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Call the module's ``main``."""
        self._process = SERVER.Process(target=_main, args=(module, arguments), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self._process.name), timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _main(module: str, arguments: tuple[str, ...]) -> None:
    sys.argv = [module, *arguments]
    sys.exit(importlib.import_module(module).main())
