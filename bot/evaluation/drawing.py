"""
The child process that draws: ``python -m bot.evaluation.drawing FOLDER`` with JSON on its input.

The only module that imports matplotlib; nobody imports this one.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Slack shows pictures about 360 points wide and opens them larger; 2x for sharp screens.
_WIDTH_INCHES, _DPI = 5.6, 220
#: Opaque, so that the text reads on Slack's dark theme as well.
_PAPER, _INK, _FAINT = "#ffffff", "#1d1c1d", "#d9d9de"
#: Told apart with every common colour blindness, and in grey: one is darker.
_TUNED, _PROMPTED = "#0b5cad", "#e0a030"
#: The line averages so great a share of the steps around each: of a few steps, that one alone.
_SMOOTHING = 0.1


def draw_loss(path: Path, losses: Sequence[Sequence[float]]) -> None:
    """Each step as a faint dot, a smoothed line over them."""
    steps, values = [step for step, _ in losses], [loss for _, loss in losses]
    figure, axes = _canvas(height_inches=3.2)
    line = _smooth(values)
    axes.plot(steps, values, "o", color=_TUNED, alpha=0.35, markersize=3.5)
    axes.plot(steps, line, color=_TUNED, linewidth=2.2)
    axes.set_ylim(bottom=0)
    axes.set_title("Training loss", loc="left", color=_INK, fontsize=13, fontweight="bold")
    axes.set_xlabel("Step. Dots: the loss of each, line: their average", color=_INK)
    axes.annotate(
        f"{line[-1]:.2f}",
        (steps[-1], line[-1]),
        textcoords="offset points",
        xytext=(6, 4),
        color=_INK,
        annotation_clip=False,
    )
    axes.grid(axis="y", color=_FAINT, linewidth=0.8)
    figure.savefig(path)


def draw_scores(path: Path, strategies: Sequence[dict[str, Any]], held_out: int) -> None:
    """One bar a strategy, the interval as a whisker, the number beside it."""
    lines = list(reversed(strategies))
    figure, axes = _canvas(height_inches=1.3 + 0.42 * len(lines))
    for place, line in enumerate(lines):
        _draw_bar(axes, place, line)
    axes.set_yticks(range(len(lines)), [line["name"] for line in lines])
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_title(
        f"Token F1 on {held_out} held-out question{'' if held_out == 1 else 's'}",
        loc="left",
        color=_INK,
        fontsize=13,
        fontweight="bold",
    )
    axes.set_xlabel("1 = the curated answer. Lines: 95 % interval", color=_INK)
    axes.grid(axis="x", color=_FAINT, linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    figure.savefig(path)


def _draw_bar(axes: Axes, place: int, line: dict[str, Any]) -> None:
    score = line["f1"]
    colour = _TUNED if line["version"] else _PROMPTED
    axes.barh(place, score, height=0.62, color=colour, zorder=2)
    low, high = line.get("f1_low"), line.get("f1_high")
    end = score
    if low is not None and high is not None:
        end = max(score, min(high, 1.0))
        axes.plot([max(low, 0), end], [place, place], color=_INK, linewidth=1.6, zorder=3)
    axes.text(end + 0.02, place, f"{score:.2f}", va="center", color=_INK, fontweight="bold")


def _canvas(height_inches: float) -> tuple[Figure, Axes]:
    figure = Figure(
        figsize=(_WIDTH_INCHES, height_inches), dpi=_DPI, facecolor=_PAPER, layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=11)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    return figure, axes


def _smooth(values: Sequence[float]) -> list[float]:
    reach = int(len(values) * _SMOOTHING / 2)
    around = (values[max(0, at - reach) : at + reach + 1] for at in range(len(values)))
    return [sum(each) / len(each) for each in around]


def main() -> None:
    folder, work = Path(sys.argv[1]), json.load(sys.stdin)
    if len(work["losses"]) > 1:
        draw_loss(folder / "loss.png", work["losses"])
    if work["strategies"]:
        draw_scores(folder / "scores.png", work["strategies"], work["held_out"])


if __name__ == "__main__":
    main()
