"""
When something happens again and again: read from words, said in words, reckoned. Pure.

Times are those of a zone. A time that a change of the clocks skips comes an hour later by the
clock, one that it repeats counts once. APScheduler's cron does the reckoning; weekdays by number
are Unix's, where 0 and 7 are Sunday (APScheduler's own begin with Monday).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from bot.errors import UnclearScheduleError

#: When nobody is at work, for schedules that name no time.
QUIET_HOUR = "03:00"
MOST_EXAMPLES = 100_000
#: A cron line that does not come within so many years is a mistake.
HORIZON = timedelta(days=366 * 5)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WORKDAYS, _WEEKEND = ",".join(_DAYS[:5]), ",".join(_DAYS[5:])
_GROUPS = {"day": "*", "weekday": _WORKDAYS, "workday": _WORKDAYS, "weekend": _WEEKEND}
_FIELDS = 5
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?$")
_AFTER = re.compile(r"after\s+(\d+|\d{1,3}(?:[.,]\d{3})+)(?:\s+(?:new\s+)?examples?)?$")
_EVERY = re.compile(r"every\s+(?P<days>[a-z,\s]+?)(?:\s+(?:at\s+)?(?P<time>\d.*))?$")
_DAILY = re.compile(r"daily(?:\s+(?:at\s+)?(?P<time>\d.*))?$")
_STEP = re.compile(r"([a-z\d*]+)(?:-([a-z\d]+))?(?:/(\d+))?$")


@dataclass(frozen=True)
class Times:
    """A line of cron: minute, hour, day of month, month, weekday by name."""

    cron: str

    def __str__(self) -> str:
        return f"cron {self.cron}"


@dataclass(frozen=True)
class Growth:
    """As soon as there are so many examples that the newest run did not know."""

    examples: int

    def __str__(self) -> str:
        return f"after {self.examples} new examples"


When = Times | Growth


def read(words: str) -> When:
    """
    Understand what a person typed; what ``str`` makes of the result is understood as well.

    Raises:
        UnclearScheduleError: says what to write instead.
    """
    text = " ".join(words.lower().split())
    if found := _AFTER.match(text):
        return Growth(_count(found[1]))
    if text.startswith("cron"):
        return _from_cron(text.removeprefix("cron").strip(" `\"'"))
    if found := _DAILY.match(text):
        return _at("*", found["time"])
    if found := _EVERY.match(text):
        return _at(_weekdays(found["days"]), found["time"])
    raise UnclearScheduleError


def next_times(times: Times, zone: ZoneInfo, after: datetime, count: int = 1) -> list[datetime]:
    """The next times after a moment, in the zone; fewer where the line ends, as no line does."""
    return [moment for moment, _ in zip(_coming(times, zone, after), range(count), strict=False)]


def zone_of(name: str) -> ZoneInfo | None:
    """The zone of this name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone, or a name that is no name
        return None


def zone_or_utc(name: str) -> ZoneInfo:
    """The zone of a schedule that was set; zones are renamed, and a machine may know fewer."""
    return zone_of(name) or ZoneInfo("UTC")


def in_words(when: When) -> str:
    """``every Friday at 18:00``; what has no plain words is named by its cron line."""
    if isinstance(when, Growth):
        number = when.examples
        return f"after {number:,} new example{'' if number == 1 else 's'}"
    minute, hour, day, month, weekday = when.cron.split()
    if (day, month) != ("*", "*") or not (minute.isdecimal() and hour.isdecimal()):
        return f"at the times of cron `{when.cron}`"
    return f"every {_days_in_words(weekday)} at {int(hour):02}:{int(minute):02}"


def moment_in_words(moment: datetime) -> str:
    """``Friday 27 November 2026, 18:00``."""
    return f"{_DAY_NAMES[moment.weekday()]} {moment.day} {moment:%B %Y, %H:%M}"


def _coming(times: Times, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """
    The line is reckoned on the clock on the wall, for which UTC stands here, and each time is then
    looked up in the zone: APScheduler itself loses a midnight where a day has 23 hours.
    """
    trigger, last = _trigger(times.cron), after.astimezone(UTC)
    # What the clocks skipped in the last day comes so much later, and may still lie ahead.
    skipped = _offset(last, zone) - _offset(last - timedelta(days=1), zone)
    wall = _wall(last, zone) - max(skipped, timedelta())
    end = wall + HORIZON
    while True:
        # One step on, or a moment that is a time itself would come again.
        found = trigger.get_next_fire_time(None, wall + timedelta(microseconds=1))
        if found is None or found > end:
            return
        wall = found
        # Of two moments the first; what does not exist becomes what the clock shows then.
        real = wall.replace(tzinfo=zone).astimezone(UTC)
        if real > last:
            last = real
            yield real.astimezone(zone)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=UTC, fold=0)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return _wall(moment, zone) - moment


def _trigger(cron: str) -> CronTrigger:
    """
    As Unix's cron: where both a day of the month and a weekday are named, either is enough.

    Raises:
        ValueError: it is no line of cron.
    """
    minute, hour, day, month, weekday = cron.split()
    both = [(day, "*"), ("*", weekday)] if "*" not in (day, weekday) else [(day, weekday)]
    triggers = [
        CronTrigger(
            second=0, minute=minute, hour=hour, day=d, month=month, day_of_week=w, timezone=UTC
        )
        for d, w in both
    ]
    return triggers[0] if len(triggers) == 1 else OrTrigger(triggers)


def _from_cron(line: str) -> Times:
    parts = line.split()
    if len(parts) != _FIELDS:
        raise UnclearScheduleError("A cron line has five parts: minute, hour, day, month, weekday.")
    parts[4] = ",".join(_weekdays_by_name(parts[4]))
    times = Times(" ".join(parts))
    try:
        trigger = _trigger(times.cron)
    except (ValueError, TypeError) as error:
        raise UnclearScheduleError("I can't read that cron line.") from error
    now = datetime.now(UTC)
    first = trigger.get_next_fire_time(None, now)
    if first is None or first - now > HORIZON:
        raise UnclearScheduleError("That day never comes.")
    return times


def _weekdays_by_name(field: str) -> Iterator[str]:
    """Numbers and ranges as names, for APScheduler counts from Monday and Unix from Sunday."""
    if field == "*":
        yield field
        return
    named: set[str] = set()
    for part in field.split(","):
        found = _STEP.match(part)
        if not found:
            raise UnclearScheduleError("I can't read the weekday of that cron line.")
        first, last, step = found[1], found[2], int(found[3] or 1)
        if step < 1:
            raise UnclearScheduleError("I can't read the weekday of that cron line.")
        start, end = (0, 6) if first == "*" else (_unix(first), _unix(last or first))
        if first != "*" and found[3] and not last:
            end = 6
        # Friday to Monday goes over the end of the week.
        days = range(start, end + 1 if start <= end else end + 8, step)
        named.update(_DAYS[(day - 1) % 7] for day in days)
    yield from (day for day in _DAYS if day in named)


def _unix(day: str) -> int:
    """0 to 7, from Sunday to Sunday."""
    if day.isdecimal() and int(day) <= 7:
        return int(day)
    if day[:3] in _DAYS:
        return (_DAYS.index(day[:3]) + 1) % 7
    raise UnclearScheduleError("I can't read the weekday of that cron line.")


def _weekdays(words: str) -> str:
    """``friday``, ``monday and thursday``, ``day``, ``weekday`` as cron's field."""
    if (group := words.strip().removesuffix("s")) in _GROUPS:
        return _GROUPS[group]
    named = [word for word in re.split(r"[\s,]+", words) if word and word != "and"]
    chosen = {_day(word) for word in named}
    if not chosen:
        raise UnclearScheduleError
    return ",".join(day for day in _DAYS if day in chosen)


def _day(word: str) -> str:
    for short, name in zip(_DAYS, _DAY_NAMES, strict=True):
        # fri, frid, friday, fridays
        if len(word) >= 3 and f"{name.lower()}s".startswith(word):
            return short
    raise UnclearScheduleError


def _at(weekdays: str, time: str | None) -> Times:
    found = _TIME.match((time or QUIET_HOUR).strip())
    if not found:
        raise UnclearScheduleError("I can't read the time: write it as 18:00.")
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half and not 1 <= hour <= 12:
        raise UnclearScheduleError("I can't read the time: write it as 18:00.")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise UnclearScheduleError("There is no such time: the last one of a day is 23:59.")
    return Times(f"{minute} {hour} * * {weekdays}")


def _count(digits: str) -> int:
    plain = digits.replace(",", "").replace(".", "")
    if not plain.isdecimal() or len(plain) > 9 or not 1 <= int(plain) <= MOST_EXAMPLES:
        raise UnclearScheduleError(f"Name a number of examples from 1 to {MOST_EXAMPLES:,}.")
    return int(plain)


def _days_in_words(weekday: str) -> str:
    spoken: dict[str, str] = {"*": "day", _WORKDAYS: "weekday"}
    if weekday in spoken:
        return spoken[weekday]
    names = [_DAY_NAMES[_DAYS.index(day)] for day in weekday.split(",")]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
