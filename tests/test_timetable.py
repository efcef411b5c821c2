"""What people type as a schedule, what it means, and what the clocks do to it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.errors import UnclearScheduleError
from bot.timetable import Growth, Times, in_words, moment_in_words, next_times, read, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 11, 24, 12, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("typed", "words", "first"),
    [
        ("every friday 18:00", "every Friday at 18:00", "Friday 27 November 2026, 18:00"),
        ("Every FRI at 6pm", "every Friday at 18:00", "Friday 27 November 2026, 18:00"),
        ("every thursday and monday 7:30", "every Monday and Thursday at 07:30",
         "Thursday 26 November 2026, 07:30"),
        ("every weekday 09:00", "every weekday at 09:00", "Wednesday 25 November 2026, 09:00"),
        ("daily", "every day at 03:00", "Wednesday 25 November 2026, 03:00"),
        ("daily 23:59", "every day at 23:59", "Tuesday 24 November 2026, 23:59"),
        ("every day at 12am", "every day at 00:00", "Wednesday 25 November 2026, 00:00"),
        # Unix counts weekdays from Sunday, APScheduler from Monday.
        ("cron 0 18 * * 5", "every Friday at 18:00", "Friday 27 November 2026, 18:00"),
        ("cron 0 18 * * 7", "every Sunday at 18:00", "Sunday 29 November 2026, 18:00"),
        ("cron 0 18 * * 1-5", "every weekday at 18:00", "Tuesday 24 November 2026, 18:00"),
        ("cron 30 2 1 * *", "at the times of cron `30 2 1 * *`", "Tuesday 1 December 2026, 02:30"),
        # As Unix has it: the 25th, or any Friday.
        ("cron 0 6 25 * fri", "at the times of cron `0 6 25 * fri`",
         "Wednesday 25 November 2026, 06:00"),
    ],
)  # fmt: skip
def test_it_is_said_back_in_words_with_its_next_time(typed, words, first):
    when = read(typed)

    assert read(str(when)) == when
    assert in_words(when) == words
    assert moment_in_words(next_times(when, BERLIN, TUESDAY)[0]) == first


@pytest.mark.parametrize(
    ("typed", "count"), [("after 50 new examples", 50), ("after 1", 1), ("after 1,000", 1000)]
)
def test_new_examples_are_counted(typed, count):
    assert read(typed) == Growth(count)
    assert read(str(read(typed))) == Growth(count)


@pytest.mark.parametrize(
    "typed",
    ["", "friday", "tomorrow", "every", "every 5 minutes", "every mo 9:00", "daily 25:00",
     "daily 9:75", "daily 0pm", "after 0", "after 0 new examples", "after -3", "after many",
     "after 1.5 new examples", "after 5,0", "after 9999999999", "cron", "cron 0 18 * *",
     "cron 99 * * * *", "cron 0 0 30 2 *", "cron 0 0 * * 9", "cron * * * * 1/0", "cron a b c d e",
     "<!channel>", "every friday 18:00 " * 50],
)  # fmt: skip
def test_what_nobody_can_read_is_answered_with_examples(typed):
    with pytest.raises(UnclearScheduleError, match="every friday 18:00") as raised:
        read(typed)

    assert "<!" not in str(raised.value)


def test_a_time_the_clocks_skip_comes_once_and_one_they_repeat_too():
    daily = read("daily 02:30")
    assert isinstance(daily, Times)

    spring = next_times(daily, BERLIN, datetime(2027, 3, 27, 12, tzinfo=BERLIN), 3)
    autumn = next_times(daily, BERLIN, datetime(2026, 10, 24, 12, tzinfo=BERLIN), 3)

    assert [f"{moment:%d %H:%M %z}" for moment in spring] == [
        "28 03:30 +0200", "29 02:30 +0200", "30 02:30 +0200",
    ]  # fmt: skip
    assert [f"{moment:%d %H:%M %z}" for moment in autumn] == [
        "25 02:30 +0200", "26 02:30 +0100", "27 02:30 +0100",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "rule", "before", "days"),
    [
        # The day of 23 hours, and the one after it, which is a Monday.
        ("Europe/Berlin", "daily 00:30", "2027-03-27T12:00", ["28 00:30", "29 00:30", "30 00:30"]),
        ("Europe/Berlin", "every monday 00:00", "2027-03-27T12:00", ["29 00:00", "05 00:00"]),
        # Midnight itself is skipped.
        ("America/Santiago", "daily 00:00", "2026-09-05T12:00", ["06 01:00", "07 00:00"]),
        # Two times in the hour that is skipped; asked between them.
        ("Europe/Berlin", "cron 10,45 2 * * *", "2027-03-28T03:20", ["28 03:45", "29 02:10"]),
        # Every hour, over the hour that comes twice.
        ("Europe/Berlin", "cron 0 * * * *", "2026-10-25T01:30", ["25 02:00", "25 03:00"]),
    ],
)
def test_no_day_is_lost_where_the_clocks_change(zone, rule, before, days):
    times, place = read(rule), ZoneInfo(zone)
    assert isinstance(times, Times)
    after = datetime.fromisoformat(before).replace(tzinfo=place)

    found = next_times(times, place, after, len(days))

    assert [f"{moment:%d %H:%M}" for moment in found] == days


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "Europe", "\0"])
def test_a_zone_that_is_none_is_none(name):
    assert zone_of(name) is None


def test_a_moment_that_is_a_time_itself_is_not_the_next_one():
    noon = read("daily 12:00")

    assert next_times(noon, BERLIN, TUESDAY)[0].day == 25
    assert next_times(noon, ZoneInfo("UTC"), TUESDAY)[0] == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_an_hour_that_the_clocks_skip_comes_once():
    """02:30 does not exist on that night and is 03:30, which comes by itself as well."""
    night = datetime(2026, 3, 29, tzinfo=UTC)

    found = next_times(Times("30 * * * *"), ZoneInfo("Europe/Berlin"), night, count=4)

    assert [each.astimezone(UTC).hour for each in found] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("field", "days"), [("5-1", "mon,fri,sat,sun"), ("2/2", "tue,thu,sat"), ("6-0", "sat,sun")]
)
def test_weekdays_of_unix_go_over_the_end_of_the_week_and_in_steps(field, days):
    assert str(read(f"cron 0 9 * * {field}")) == f"cron 0 9 * * {days}"


def test_a_day_has_no_hour_24():
    with pytest.raises(UnclearScheduleError, match="23:59"):
        read("every friday at 24:00")
