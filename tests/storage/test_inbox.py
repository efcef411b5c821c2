"""Each event once, in any order, and nothing lost by a crash."""

from datetime import timedelta

import pytest
from sqlmodel import select

from storage import inbox
from storage.columns import utc_now
from storage.tables import InboxItem, InboxKind, InboxState
from tests.teaching import TEAM


def receive(session, key="C:1", order_key="1.0", kind=InboxKind.MENTION, team_id=TEAM):
    return inbox.receive(session, team_id, kind, key, {"order": order_key}, order_key)


def due(database, now=None, besides=()):
    with database.read() as session:
        found = inbox.due(session, now=now, besides=besides)
    return found[0] if found else None


def test_the_same_event_twice_is_one_row(database):
    with database.write() as session:
        news = [receive(session), receive(session)]

    assert news == [True, False]
    assert due(database, besides=[due(database).id]) is None


@pytest.mark.parametrize(
    "other", [{"key": "C:2"}, {"kind": InboxKind.REACTION}, {"team_id": "T0OTHER"}]
)
def test_events_of_different_keys_kinds_and_teams_are_different(database, other):
    with database.write() as session:
        assert receive(session)
        assert receive(session, **other)


def test_the_newer_event_wins_whichever_arrives_last(database):
    with database.write() as session:
        news = [receive(session, order_key=key) for key in ("2.0", "1.0", "3.0")]

    assert news == [True, False, True]
    assert due(database).payload == {"order": "3.0"}


def test_a_row_that_changed_while_it_was_worked_on_is_worked_on_again(database):
    with database.write() as session:
        receive(session, order_key="1.0")
    item = due(database)

    with database.write() as session:
        receive(session, order_key="2.0")
    nobody_else = due(database, besides=[item.id])
    with database.write() as session:
        inbox.finish(session, item.id, item.revision)

    assert nobody_else is None
    assert due(database).payload == {"order": "2.0"}


def test_a_finished_row_opens_again_for_newer_news(database):
    with database.write() as session:
        receive(session, order_key="1.0")
    item = due(database)
    with database.write() as session:
        inbox.finish(session, item.id, item.revision)

    with database.write() as session:
        receive(session, order_key="2.0")

    assert due(database).id == item.id


def test_a_row_handed_back_waits_for_its_time(database):
    with database.write() as session:
        receive(session)
    item = due(database)
    item.attempts += 1
    later = utc_now() + timedelta(seconds=60)

    with database.write() as session:
        inbox.retry_later(session, item, later, "ratelimited")

    assert due(database) is None
    assert due(database, later).attempts == 1


def test_what_an_earlier_version_left_under_work_is_taken_up_again(database):
    with database.write() as session:
        receive(session)
        session.exec(select(InboxItem)).one().state = InboxState.WORKING

    with database.write() as session:
        taken_up = inbox.take_up_again(session)

    assert taken_up == 1
    assert due(database) is not None


def test_a_row_given_up_stays_given_up(database):
    with database.write() as session:
        receive(session)
    item = due(database)

    with database.write() as session:
        inbox.fail(session, item.id, item.revision, "gone")

    assert due(database) is None
    with database.read() as session:
        assert session.get_one(InboxItem, item.id).state is InboxState.FAILED
