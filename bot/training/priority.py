"""Giving way: who asks a question must not wait for a training."""

import os
from contextlib import suppress
from pathlib import Path

#: A third of the share of the bot and the engine while they want the processor too, all of it
#: otherwise. More would let a busy afternoon starve a run.
NICENESS = 5


def step_back() -> None:
    """Lower this process's claim on the processor, and its session's."""
    os.nice(NICENESS)
    # Linux shares the processor between sessions first, and ours is one of its own: there a
    # process's niceness says nothing, the session's does.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))
