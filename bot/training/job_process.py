"""What every training child does around its training: give way, and say why it failed."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from bot.errors import BotError
from bot.training.errors import TrainingDiskError
from bot.training.job_folder import JobFolder
from bot.training.priority import step_back


def run_job(train: Callable[[JobFolder], None]) -> None:
    """Train the folder of the command line; leave a sentence where a person can mend it."""
    folder = JobFolder(Path(sys.argv[1]))
    folder.process_id.write_text(str(os.getpid()))
    step_back()
    logging: Any = transformers_logging
    logging.disable_progress_bar()
    try:
        train(folder)
    except BotError as error:
        folder.fail(str(error))
    except MemoryError:
        folder.fail("The training needs more memory than this machine has left.")
    except OSError as error:
        folder.fail(str(TrainingDiskError(error)))
    # safetensors wraps what the operating system says in its own words.
    except SafetensorError as error:
        print(json.dumps({"error": str(error)}), file=sys.stderr)  # noqa: T201 - the job's log
        folder.fail(str(TrainingDiskError(OSError(0, "no space left, or no right to write"))))
