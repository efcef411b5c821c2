"""``/apprentice schedule`` as people type it, and what they are told."""

from datetime import UTC, datetime

import pytest
from sqlmodel import select

from bot.dataset.rights import attest
from storage.tables import AuditEntry, Schedule, Source
from tests.answering_bot import answering_bot
from tests.knowing_engine import KnowingEngine
from tests.teaching import TEAM, fresh_database

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture
def bot(sandbox, database):
    engine = KnowingEngine({}, lambda *_: 1.0)
    with answering_bot(sandbox.api_url, database, engine, now=lambda: NOW) as running:
        sandbox.wait_until_connected()
        yield running


def told(sandbox, user: str, text: str, **options: str) -> str:
    before = len(sandbox.ephemerals(user))
    sandbox.command(user, text, **options)
    heard = sandbox.wait_for(lambda _: sandbox.ephemerals(user)[before:])
    return str(heard[0]["text"]) + str(heard[0]["blocks"])


def all_schedules(database) -> list[Schedule]:
    with database.read() as session:
        return list(session.exec(select(Schedule).order_by(Schedule.id)))


def test_it_is_set_shown_replaced_and_ended(sandbox, database, bot):
    with database.write() as session:
        attest(session, TEAM, "U0ALICE", tuple(Source))

    assert "Nothing is trained by itself" in told(sandbox, "U0CAROL", "schedule")
    words = told(sandbox, "U0ALICE", "schedule every friday 18:00", channel="C0HELP")
    assert "For the workspace: *every Friday at 18:00*, with `local`" in words
    assert (
        "Next: Friday 27 November 2026, 18:00; Friday 4 December 2026, 18:00; "
        "Friday 11 December 2026, 18:00 (Europe/Amsterdam)" in words
    )
    assert "the one of your Slack profile" in words
    assert "Nobody has confirmed" not in words
    assert all_schedules(database)[0].next_at == datetime(2026, 11, 27, 17, tzinfo=UTC)

    assert "after 50 new examples" in told(sandbox, "U0ALICE", "schedule after 50 new examples")
    assert "after 50 new examples" in told(sandbox, "U0CAROL", "schedule")
    assert "after 50 new examples" in told(sandbox, "U0CAROL", "status")
    assert len(all_schedules(database)) == 1

    assert "Off: nothing is trained by itself" in told(sandbox, "U0ALICE", "schedule off")
    assert "There was no schedule" in told(sandbox, "U0ALICE", "schedule off")
    assert all_schedules(database) == []
    with database.read() as session:
        acts = [e.action for e in session.exec(select(AuditEntry).order_by(AuditEntry.id))]
    assert acts[-3:] == ["schedule.set", "schedule.set", "schedule.ended"]


def test_without_an_attestation_it_says_that_nothing_will_be_trained(sandbox, bot):
    assert "Nobody has confirmed yet" in told(sandbox, "U0ALICE", "schedule daily")


def test_only_admins_set_one(sandbox, database, bot):
    assert "Only admins can" in told(sandbox, "U0BOB", "schedule daily")
    assert all_schedules(database) == []


def test_words_that_are_no_schedule_change_nothing(sandbox, database, bot):
    told(sandbox, "U0ALICE", "schedule daily 04:00")

    words = told(sandbox, "U0ALICE", "schedule whenever <!channel> likes")

    assert "`/apprentice schedule every friday 18:00`" in words
    assert "<!channel>" not in words
    assert [row.rule for row in all_schedules(database)] == ["cron 0 4 * * *"]


def test_a_private_channel_has_its_own_which_only_its_members_see(sandbox, database, bot):
    words = told(sandbox, "U0ALICE", "schedule daily 05:00", channel="C0OPS")

    assert "For <#C0OPS>" in words
    assert "05:00" in told(sandbox, "U0BOB", "schedule")
    assert "05:00" not in told(sandbox, "U0CAROL", "schedule")
    assert "05:00" not in told(sandbox, "U0CAROL", "status")


def test_the_bots_own_zone_comes_first(sandbox, tmp_path):
    database = fresh_database(tmp_path)
    engine = KnowingEngine({}, lambda *_: 1.0)
    options = {"now": lambda: NOW, "timezone": "Asia/Tokyo"}
    with answering_bot(sandbox.api_url, database, engine, **options):
        sandbox.wait_until_connected()
        words = told(sandbox, "U0ALICE", "schedule daily 18:00")

    assert "Wednesday 25 November 2026, 18:00" in words
    assert "(Asia/Tokyo)" in words
    assert "the one this bot is set to" in words
    database.close()


@pytest.mark.parametrize(
    "change", [{"is_private": False}, {"is_ext_shared": True}], ids=["public", "shared"]
)
def test_what_a_channel_set_while_it_was_private_can_be_ended_there(sandbox, database, bot, change):
    """What it learned is closed to everybody then, and nobody else could end its training."""
    told(sandbox, "U0ALICE", "schedule daily 04:00", channel="C0HELP")
    told(sandbox, "U0ALICE", "schedule daily 05:00", channel="C0OPS")
    sandbox.control("channel", id="C0OPS", **change)
    bot.deps.people.forget(channel_id="C0OPS")
    try:
        assert "Only admins can" in told(sandbox, "U0BOB", "schedule off", channel="C0OPS")
        assert "for <#C0OPS>" in told(sandbox, "U0ALICE", "schedule off", channel="C0OPS")
    finally:
        sandbox.control("channel", id="C0OPS", is_private=True, is_ext_shared=False)
        bot.deps.people.forget(channel_id="C0OPS")

    assert [row.rule for row in all_schedules(database)] == ["cron 0 4 * * *"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "group_archive", "channel": "C0OPS"},
        {"type": "group_deleted", "channel": "C0OPS"},
        {"type": "member_left_channel", "channel": "C0OPS", "channel_type": "G",
         "user": "U0APPRENTICE"},
    ],
    ids=lambda event: event["type"],
)  # fmt: skip
def test_where_nobody_can_ask_any_more_nothing_is_trained_by_itself(sandbox, database, bot, event):
    told(sandbox, "U0ALICE", "schedule daily 04:00", channel="C0HELP")
    told(sandbox, "U0ALICE", "schedule daily 05:00", channel="C0OPS")
    if event["type"] == "member_left_channel":
        sandbox.event({**event, "user": "U0BOB"})
        sandbox.event({**event, "channel": "C0GENERAL"})

    sandbox.event(event)
    sandbox.wait_for(lambda _: len(all_schedules(database)) == 1)

    assert [row.rule for row in all_schedules(database)] == ["cron 0 4 * * *"]
    with database.read() as session:
        last = session.exec(select(AuditEntry).order_by(AuditEntry.id)).all()[-1]
    assert (last.action, last.actor, last.audience) == ("schedule.ended", "slack", "C0OPS")


def test_a_schedule_keeps_the_zone_it_was_set_in(sandbox, database, tmp_path):
    """Eighteen o'clock was said in Tokyo; it does not move because the bot's own zone did."""
    engine = KnowingEngine({}, lambda *_: 1.0)
    for zone, words in (("Asia/Tokyo", "schedule daily 18:00"), ("America/Lima", "schedule")):
        options = {"now": lambda: NOW, "timezone": zone}
        with answering_bot(sandbox.api_url, database, engine, **options):
            sandbox.wait_until_connected()
            heard = told(sandbox, "U0ALICE", words)
        assert "Wednesday 25 November 2026, 18:00" in heard
        assert "(Asia/Tokyo)" in heard
