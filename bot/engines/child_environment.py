"""The environment of children that compute on all cores."""

import os


def child_environment() -> dict[str, str]:
    """
    Ours, with threads that sleep while they wait for one another.

    OpenMP's threads spin instead, which is a little faster where nobody else wants the processor
    and ruinous where somebody does: the one that is waited for cannot run
    (docs/benchmarks.md). Who has a machine for the model alone sets OMP_WAIT_POLICY=active.
    """
    return {"OMP_WAIT_POLICY": "passive", **os.environ}
