"""Times as people read them, in the time zone of this machine, which is the reader's own."""

from datetime import date, datetime
from functools import lru_cache


@lru_cache(maxsize=8192)
def when(ts: str) -> datetime:
    """The local moment of a Slack timestamp; 1970 where it is none."""
    try:
        return datetime.fromtimestamp(float(ts)).astimezone()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0).astimezone()


@lru_cache(maxsize=8192)
def day(ts: str) -> date:
    """The day of a Slack timestamp."""
    return when(ts).date()


def clock(ts: str) -> str:
    """Hours and minutes, such as `9:05`."""
    moment = when(ts)
    return f"{moment.hour}:{moment:%M}"


def day_name(which: date, today: date) -> str:
    """`Today`, `Yesterday`, or the date in full."""
    distance = (today - which).days
    if distance in (0, 1):
        return ("Today", "Yesterday")[distance]
    year = "" if which.year == today.year else f" {which.year}"
    return f"{which:%A}, {which.day} {which:%B}{year}"


def full(ts: str) -> str:
    """Day and time, for titles and screen readers."""
    moment = when(ts)
    return f"{moment.day} {moment:%B %Y} at {clock(ts)}"


def since(ts: str, today: date) -> str:
    """When something last happened: `today at 9:05`, `on 3 May`."""
    last = day(ts)
    if (today - last).days in (0, 1):
        return f"{day_name(last, today).lower()} at {clock(ts)}"
    return f"on {last.day} {last:%B}"
