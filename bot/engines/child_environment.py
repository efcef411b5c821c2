"""The environment of children that compute on all cores."""

import os


def child_environment() -> dict[str, str]:
    """
    Ours, with threads that wait for one another awake for a moment only, then sleep.

    By itself OpenMP lets them spin for a long time, which is ruinous where somebody else wants the
    processor: the one that is waited for cannot run. Not to spin at all costs six sevenths of the
    speed where nobody does: a token has hundreds of such waits (docs/experiments.md). Who has a
    machine for the model alone sets OMP_WAIT_POLICY=active.
    """
    return {"GOMP_SPINCOUNT": "2000", **os.environ}
