"""
One step of the installation, for the Makefile: ``python -m bot.installing TITLE COMMAND…``.

pip is silent for minutes, or prints lines for every package. This shows one line that says what
it is at, and all that it printed last where it fails. Needs Python alone: nothing else is there.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections import deque

LINES_KEPT = 12
HOPE = (
    "That did not work; the lines above say why. Often it is the network or a full disk. "
    "Then run the same command again: it goes on from where it was."
)
STOPPED = "Stopped. Run the same command again: it goes on from where it was."


def run_step(title: str, command: list[str]) -> int:
    """Run the command, showing how long it takes and its newest line; returns its exit code."""
    started, newest, done = time.monotonic(), deque[str](maxlen=LINES_KEPT), threading.Event()
    print(title, end="" if sys.stdout.isatty() else "\n", flush=True)
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    ticking = threading.Thread(target=_tick, args=(title, started, newest, done), daemon=True)
    if sys.stdout.isatty():
        ticking.start()
    try:
        assert child.stdout is not None
        newest.extend(line.strip() for line in child.stdout if line.strip())
        code = child.wait()
    except KeyboardInterrupt:
        child.wait()
        print(f"\n{STOPPED}")
        return 130
    finally:
        done.set()
    if sys.stdout.isatty():
        ticking.join()
        _show(f"{title} · {_clock(started)}" + "\n" * (not code))
    if code:
        print("", *newest, HOPE, sep="\n", file=sys.stderr)
    return code


def _tick(title: str, started: float, newest: deque[str], done: threading.Event) -> None:
    while not done.wait(0.5):
        _show(" · ".join([title, _clock(started), *list(newest)[-1:]]))


def _show(line: str) -> None:
    """Write over the line that stands there; never more than one of the terminal's."""
    width = shutil.get_terminal_size().columns - 1
    end = "\n" * line.endswith("\n")
    print(f"\r\x1b[K{line.strip()[:width]}", end=end, flush=True)


def _clock(started: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes}:{seconds:02}"


if __name__ == "__main__":
    sys.exit(run_step(sys.argv[1], sys.argv[2:]))
