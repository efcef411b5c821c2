"""Webhooks that were refused are told to admins: once, then once a day with how many, in words."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from bot.listening import slack_client
from bot.pipeline.refusals import Refusals
from bot.scheduler import knock_of_refusals
from bot.settings import load_settings
from bot.training.webhook import Refusal, Why
from handlers import admin_notices
from handlers.people import People
from storage.database import Database
from storage.tables import AdminNotice, OutboxMessage
from tests.clock import Clock
from tests.running_sandbox import running_sandbox
from tests.teaching import TEAM

FORGED = Refusal(Why.FORGED, "its signature is not the provider's")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))


@pytest.fixture
def refusals(database: Database, clock: Clock) -> Refusals:
    return Refusals(database, lambda: TEAM, clock)


def notices(database: Database) -> list[str]:
    with database.read() as session:
        return [row.text for row in session.exec(select(AdminNotice).order_by(AdminNotice.id))]


def come(refusals: Refusals, refusal: Refusal, number: int = 1) -> None:
    for _ in range(number):
        refusals.note(refusal)
    refusals.tell()


def test_the_first_is_told_at_once_with_what_to_do(database, refusals):
    come(refusals, FORGED)

    (told,) = notices(database)
    assert "A webhook to `/openai/webhook` was refused, for no provider signed it" in told
    assert "into OPENAI_WEBHOOK_SECRET and restart the bot" in told
    assert "let your proxy pass requests to that path from the provider alone" in told
    assert "clock" not in told


def test_a_flood_is_told_once_a_day_with_the_count(database, refusals, clock):
    come(refusals, FORGED)
    come(refusals, FORGED, 5_000)
    clock.time += timedelta(hours=23, minutes=59)
    come(refusals, FORGED, 3)
    assert len(notices(database)) == 1

    clock.time += timedelta(minutes=1)
    refusals.tell()
    refusals.tell()

    assert len(notices(database)) == 2, "also where none comes any more"
    assert (
        "5,003 webhooks to `/openai/webhook` were refused since 27 November, 09:30 UTC"
        in (notices(database)[1])
    )
    clock.time += timedelta(days=9)
    refusals.tell()
    assert len(notices(database)) == 2, "nothing came since"


def test_a_restart_forgets_neither_the_count_nor_that_it_was_told(database, refusals, clock):
    come(refusals, FORGED)
    come(refusals, FORGED, 2)

    later = Refusals(database, lambda: TEAM, clock)
    come(later, FORGED)
    assert len(notices(database)) == 1
    clock.time += timedelta(days=1)
    Refusals(database, lambda: TEAM, clock).tell()

    assert notices(database)[1].startswith("3 webhooks")


@pytest.mark.parametrize(
    ("seconds_old", "words", "repeats"),
    [
        (25 * 60.0, "25 minutes old, and 5 minutes are allowed. So this clock is probably 25 "
         "minutes fast", True),
        (-3 * 3600.0, "180 minutes in the future, and 5 minutes are allowed. So this clock is "
         "probably 180 minutes slow", False),
    ],
)  # fmt: skip
def test_a_clock_that_is_off_is_told_apart_with_the_minutes(
    database, refusals, seconds_old, words, repeats
):
    come(refusals, FORGED)
    come(refusals, Refusal(Why.CLOCK, "it is old", seconds_old))

    told = notices(database)[1]
    assert words in told
    assert "`timedatectl set-ntp true`" in told
    assert ("repeats an old webhook" in told) is repeats


def test_what_could_not_be_written_is_counted_next_time(database, refusals, clock, monkeypatch):
    come(refusals, FORGED)
    refusals.note(FORGED)

    def fail() -> str:
        raise OSError("no team")

    with monkeypatch.context() as broken:
        broken.setattr(refusals, "_team_id", fail)
        with pytest.raises(OSError, match="no team"):
            refusals.tell()
    clock.time += timedelta(days=1)
    come(refusals, FORGED)

    assert notices(database)[1].startswith("2 webhooks")


def test_the_scheduler_brings_it_to_each_admin_as_a_direct_message(database, refusals):
    refusals.note(FORGED)
    knock_of_refusals(refusals).call()
    with running_sandbox(no_limits=True) as sandbox:
        settings = load_settings(
            _env_file=None, slack_api_url=sandbox.api_url, slack_bot_token="xoxb-sandbox",
            slack_app_token="xapp-sandbox",
        )  # fmt: skip
        client = slack_client(settings)
        people = People(client)
        while admin_notices.step(database, client, people):
            pass

    with database.read() as session:
        (message,) = session.exec(select(OutboxMessage)).all()
    assert message.key == "admin:1:U0ALICE"
    assert "no provider signed it" in message.text
