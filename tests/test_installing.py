"""One step of the installation: what a person sees while it runs, and when it fails."""

import os
import pty
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]
STEP = [sys.executable, "-m", "bot.installing", "[2/4] Installing"]


def test_a_step_in_a_file_or_a_pipe_is_one_line():
    done = subprocess.run(
        [*STEP, "sh", "-c", "echo Collecting this; echo Collecting that"],
        cwd=TOP, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("[2/4] Installing\n", "")


def test_in_a_terminal_the_line_says_what_it_is_at():
    terminal, inner = pty.openpty()
    step = subprocess.Popen(
        [*STEP, "sh", "-c", "echo Downloading torch; read go"],
        cwd=TOP, stdin=subprocess.PIPE, stdout=inner,
    )  # fmt: skip
    os.close(inner)
    shown = ""
    while " · Downloading torch" not in shown:
        shown += os.read(terminal, 1000).decode()
    step.communicate(b"go\n", timeout=30)
    while "\n" not in shown:
        shown += os.read(terminal, 1000).decode()
    os.close(terminal)

    assert shown.count("\n") == 1  # each showing takes the place of the one before
    assert "Downloading" not in shown.rpartition("\r\x1b[K")[2]


def test_a_step_that_fails_shows_its_last_lines_and_what_to_do():
    failed = subprocess.run(
        [*STEP, "sh", "-c", "for n in $(seq 50); do echo line $n; done; echo no route >&2; exit 3"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert failed.returncode == 3
    assert "no route" in failed.stderr
    assert "line 50" in failed.stderr
    assert "line 20\n" not in failed.stderr
    assert "run the same command again" in failed.stderr
