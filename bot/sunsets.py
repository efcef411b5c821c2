"""
When providers end what they serve: the dates they publish nowhere else, and how people are told.

Pure. A date that a provider's own API gives comes before one in the table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Ends(StrEnum):
    """What ends."""

    SERVING = "serving"  # the model answers no more
    TRAINING = "training"  # no new job is taken


@dataclass(frozen=True)
class Known:
    """``model`` is part of the names it holds for: tuned models carry their base's name."""

    trainer: str
    model: str
    ends: Ends
    on: date
    source: str
    seen_on: str


#: Days before the end on which admins are told, each once.
WARN_DAYS = (90, 30, 14, 7, 1)

_OPENAI = "developers.openai.com/api/docs/deprecations"
_NOTICE = "OpenAI's notice of 14 October 2026, as quoted by third parties"
_AZURE = "Microsoft Foundry, model retirement schedule"
KNOWN = (
    Known("openai", "gpt-4", Ends.TRAINING, date(2027, 1, 6), _OPENAI, "2026-11"),
    *(
        Known("openai", model, Ends.SERVING, date(2027, 1, 14), _NOTICE, "2026-11")
        for model in (
            "gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o-mini-2024-07-18",
            "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14",
        )
    ),
    *(
        Known("azure", model, what, on, _AZURE, "2026-07")
        for models, trained, served in (
            (("gpt-4.1-",), date(2027, 4, 14), date(2027, 10, 14)),
            (("gpt-4o-",), date(2027, 4, 1), date(2027, 10, 1)),
            (("o4-mini",), date(2027, 4, 16), date(2027, 10, 16)),
        )
        for model in models
        for what, on in ((Ends.TRAINING, trained), (Ends.SERVING, served))
    ),
)  # fmt: skip


def known_end(trainer: str, names: Iterable[str], ends: Ends) -> Known | None:
    """What the table says of a model known by these names."""
    listed = list(names)
    for known in KNOWN:
        if (known.trainer, known.ends) == (trainer, ends) and any(
            known.model in name for name in listed
        ):
            return known
    return None


def threshold(days_left: int) -> int | None:
    """The warning that is due so long before; None: it is too early for any."""
    due = [days for days in WARN_DAYS if days_left <= days]
    return min(due) if due else None


def in_words(
    *, trainer: str, model: str, ends: Ends, on: date, today: date, version: str = ""
) -> str:
    """What ends, when, and what it means here."""
    left = (on - today).days
    day = f"{on.day} {on:%B %Y}"
    when = f"on {day}, in {left} day{'' if left == 1 else 's'}" if left > 0 else f"since {day}"
    if ends is Ends.TRAINING:
        return f"`{trainer}` takes no new fine-tuning jobs for `{model}` {_after(when, left)}."
    affected = f" {version} answers from it." if version else ""
    verb = "ends" if left > 0 else "is over"
    return f"`{model}` at `{trainer}` {verb} {when}.{affected}"


def way_out(trainer: str, others: Iterable[str], *, is_live: bool) -> str:
    """What an admin can do about it."""
    word = "migrate" if is_live else "train"
    named = " or ".join(f"`/apprentice {word} {name}`" for name in sorted(set(others) - {trainer}))
    what = "trains the same data set elsewhere" if is_live else "trains elsewhere"
    return f"{named or 'Another trainer'} {what}; your examples stay here in any case."


def _after(when: str, left: int) -> str:
    return when.replace("on ", "after ", 1) if left > 0 else when
