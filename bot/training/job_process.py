"""
What every training child does around its training: give way, and say why it failed.

A process of ``accelerate launch`` ends when its launcher is gone: the launcher holds the job's
lock, and whoever starts the job again must not find the old processes still writing.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from bot.errors import BotError
from bot.training.errors import TrainingDiskError
from bot.training.job_folder import JobFolder
from bot.training.local import LAUNCHED
from bot.training.priority import step_back

WATCH_SECONDS = 0.3
#: How long the other processes let the first one say why all of them failed.
FIRST_WORD_SECONDS = 5.0


def run_job(train: Callable[[JobFolder], None]) -> None:
    """Train the folder of the command line; leave a sentence where a person can mend it."""
    folder = JobFolder(Path(sys.argv[1]))
    rank = int(os.environ.get("RANK", "0"))
    process_id = os.getpid()
    if os.environ.get(LAUNCHED):
        process_id = os.getppid()
        Thread(target=_end_with, args=(process_id,), name="launcher", daemon=True).start()
    if rank == 0:
        folder.process_id.write_text(str(process_id))
    step_back()
    logging: Any = transformers_logging
    logging.disable_progress_bar()
    if (sentence := _sentence(train, folder)) is None:
        return
    deadline = time.monotonic() + FIRST_WORD_SECONDS
    while rank > 0 and not folder.failure.exists() and time.monotonic() < deadline:
        time.sleep(WATCH_SECONDS)
    if not folder.failure.exists():
        folder.fail(sentence)


def _sentence(train: Callable[[JobFolder], None], folder: JobFolder) -> str | None:
    """Train; return why that failed, if it did."""
    try:
        train(folder)
    except BotError as error:
        return str(error)
    except MemoryError:
        return "The training needs more memory than this machine has left."
    except OSError as error:
        return str(TrainingDiskError(error))
    # safetensors wraps what the operating system says in its own words.
    except SafetensorError as error:
        print(json.dumps({"error": str(error)}), file=sys.stderr)  # noqa: T201 - the job's log
        return str(TrainingDiskError(OSError(0, "no space left, or no right to write")))
    return None


def _end_with(launcher: int) -> None:
    while os.getppid() == launcher:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
