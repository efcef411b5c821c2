"""Schedules in words: what is set, when it comes next, what became of it last. Pure."""

from collections.abc import Iterable
from datetime import datetime

from bot.timetable import Times, in_words, moment_in_words, next_times, read, zone_or_utc
from handlers import blocks
from handlers.run_blocks import audience_words
from storage.tables import Schedule

#: As many coming times are shown as make a mistake visible.
SHOWN = 3


def schedule_lines(rows: Iterable[Schedule], now: datetime) -> str:
    """One line a schedule, with the last outcome below it."""
    lines = [schedule_line(row, now) for row in rows]
    return "\n".join(lines) or "Nothing is trained by itself. Set it with `/apprentice schedule`."


def schedule_line(row: Schedule, now: datetime) -> str:
    """What is set for one audience, its next times and what became of the last."""
    when, zone = read(row.rule), zone_or_utc(row.zone)
    parts = [
        f"• For {audience_words(row.audience)}: *{in_words(when)}*, with "
        f"`{blocks.escape(row.trainer)}`."
    ]
    if isinstance(when, Times):
        # A time that has come and is not worked on yet is still the next one.
        coming = next_times(when, zone, now, SHOWN)
        shown = "; ".join(moment_in_words(moment) for moment in coming)
        known = row.zone if zone.key == row.zone else f"UTC: nobody here knows {row.zone}"
        parts.append(f"Next: {shown} ({blocks.escape(known)}).")
    if row.last_at:
        at = moment_in_words(row.last_at.astimezone(zone))
        parts.append(f"\n    Last, {at}: {blocks.escape(row.last_outcome)}")
    return " ".join(parts)
