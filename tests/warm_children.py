"""
Training children that need not import torch: forked from a process that has.

A training child computes for a second here, and takes five before that to import torch,
transformers and peft. One server a test process imports them once, then forks for each child: a
process of its own still, with the files, the lock, the session and the environment it would have
had; everything of ours it imports itself. Where that is what is tested: ``cold_children``.

As a program (``python -m tests.warm_children SOCKET``) it is that server, until its stdin ends.
"""

import array
import atexit
import contextlib
import importlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bot.engines.child_environment import child_environment
from bot.training.local import LocalTrainer

CALLER = Path(__file__).with_name("warm_child.py")
START_SECONDS = 120.0
REAP_SECONDS = 0.2
#: What belongs to others; nothing of ours, so that a child finds it as it is now.
HEAVY = ("torch", "peft", "gguf", "safetensors.torch", "transformers.models.llama.modeling_llama")
HEAVY_FOR = {"bot.training.trl_job": ("datasets", "trl.trainer.sft_trainer")}

_cold_launcher = LocalTrainer._launcher
_address = ""


def use(address: str = "") -> None:
    """Let trainers of this process fork their children; from a server it need not start itself."""
    global _address
    _address = address or _address
    LocalTrainer._launcher = _warm_launcher  # type: ignore[method-assign]


def use_none() -> None:
    LocalTrainer._launcher = _cold_launcher  # type: ignore[method-assign]


def address() -> str:
    """Where the server of this process listens; starts it the first time."""
    global _address
    if not _address:
        _address = _start()
    return _address


def _warm_launcher(trainer: Any) -> list[str]:
    if trainer._accelerate_config:
        return _cold_launcher(trainer)
    return [sys.executable, "-I", "-S", str(CALLER), address()]


def _start() -> str:
    folder = tempfile.TemporaryDirectory(prefix="warm-")
    path = Path(folder.name) / "socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_children", str(path)],
        env=child_environment(),
        stdin=subprocess.PIPE,
        start_new_session=True,
    )

    def stop() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
        folder.cleanup()

    atexit.register(stop)
    end = time.monotonic() + START_SECONDS
    while not path.exists():
        assert server.poll() is None, "the server of training children ended"
        assert time.monotonic() < end, "the server of training children did not start"
        time.sleep(0.02)
    return str(path)


def _serve(path: str) -> list[str]:
    """Fork for whoever asks; returns in each child, with its command line."""
    for name in HEAVY:
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)
        while True:
            ready, _, _ = select.select([0, listener], [], [], REAP_SECONDS)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    """Another has ended."""
            if 0 in ready:
                os._exit(0)
            if listener in ready and (command := _answer(listener)):
                return command


def _answer(listener: socket.socket) -> list[str]:
    """Fork for one; returns its command line in the child, nothing in the server."""
    connection, _ = listener.accept()
    with connection:
        asked, files = _read(connection)
        for name in HEAVY_FOR.get(asked["command"][0], ()):
            importlib.import_module(name)
        if os.fork():
            for number in files:
                os.close(number)
            connection.sendall(b".")
            return []
    os.setsid()
    for number, place in zip(files, (0, 1, 2), strict=True):
        os.dup2(number, place)
        os.close(number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    command: list[str] = asked["command"]
    return command


def _read(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    text, extra, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(3 * 4))
    files = array.array("i")
    files.frombytes(extra[0][2])
    while more := connection.recv(1 << 16):
        text += more
    return json.loads(text), list(files)


if __name__ == "__main__":
    sys.argv = _serve(sys.argv[1])
    import runpy

    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
