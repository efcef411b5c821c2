"""
The two pictures of a run's card, drawn by a child process.

matplotlib costs 45 MB that the bot would never give back (docs/decisions/0012); the child takes a
second and is gone. A picture that cannot be drawn is left out, never a reason to lose a verdict.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

#: The first drawing on a machine builds matplotlib's font cache.
TIMEOUT_SECONDS = 120


def draw_pictures(
    folder: Path,
    losses: Sequence[tuple[int, float]],
    strategies: Sequence[Mapping[str, Any]],
    held_out: int,
) -> list[dict[str, Any]]:
    """
    Draw into ``folder`` and return ``{"path", "title", "alt_text"}`` of what was drawn.

    ``losses`` are (step, loss); ``strategies`` are the lines of an ``Evaluation``.
    """
    wanted = []
    if len(losses) > 1:
        wanted.append(_loss_picture(folder, losses))
    scored = [line for line in strategies if "f1" in line]
    if scored:
        wanted.append(_score_picture(folder, scored, held_out))
    work = {"losses": list(losses), "strategies": scored, "held_out": held_out}
    folder.mkdir(parents=True, exist_ok=True)
    return wanted if wanted and _draw(folder, work) else []


def _draw(folder: Path, work: Mapping[str, Any]) -> bool:
    try:
        subprocess.run(
            [sys.executable, "-m", "bot.evaluation.drawing", str(folder)],
            input=json.dumps(work),
            text=True,
            capture_output=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        log.warning("The pictures in %s were not drawn: %s", folder, error.stderr[-2000:])
        return False
    except (subprocess.TimeoutExpired, OSError) as error:
        log.warning("The pictures in %s were not drawn: %s", folder, error)
        return False
    return True


def _loss_picture(folder: Path, losses: Sequence[tuple[int, float]]) -> dict[str, Any]:
    first, last = losses[0][1], losses[-1][1]
    return {
        "path": str(folder / "loss.png"),
        "title": "Training loss",
        "alt_text": f"Training loss over {losses[-1][0]} steps, from {first:.2f} to {last:.2f}.",
    }


def _score_picture(
    folder: Path, strategies: Sequence[Mapping[str, Any]], held_out: int
) -> dict[str, Any]:
    scores = ", ".join(f"{line['name']} {line['f1']:.2f}" for line in strategies)
    return {
        "path": str(folder / "scores.png"),
        "title": "Scores of the strategies",
        "alt_text": f"Token F1 on {held_out} held-out questions: {scores}.",
    }
