"""Several rows are worked on at once; those that belong together are worked on in their order."""

import time

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse
from sqlmodel import select

from handlers.inbox_worker import MAX_CRASHES, RUSH, Crew
from storage import inbox
from storage.columns import utc_now
from storage.tables import InboxItem, InboxKind, InboxState
from tests.teaching import TEAM, fresh_database

MENTION, REACTION = InboxKind.MENTION, InboxKind.REACTION
EDIT = InboxKind.MESSAGE_CHANGED


@pytest.fixture
def database(tmp_path):
    database = fresh_database(tmp_path)
    yield database
    database.close()


class Desk:
    """A crew whose work begins when it is handed out and ends when the test says so."""

    def __init__(self, database, at_once=4, worker=lambda item: None):
        self.database = database
        self.begun = []
        self.started = []
        workers = dict.fromkeys(InboxKind, worker)
        self.crew = Crew(database, workers, self.started.append, at_once=at_once)

    def receive(self, kind, channel, ts, user=None, name=""):
        payload = {"channel_id": channel, "message_ts": ts, "thread_ts": ts}
        if user:
            payload["user_id"] = user
        key = ":".join(part for part in (channel, ts, user, name) if part)
        with self.database.write() as session:
            inbox.receive(session, TEAM, kind, key, payload, "1.0")

    def hand_out(self):
        """What was begun by the next step, by its key."""
        self.crew.step()
        found, self.started[:] = self.started[:], []
        self.begun += found
        return [work.args[0].key for work in found]

    def end(self, number=0):
        self.begun.pop(number)()

    def states(self):
        with self.database.read() as session:
            return [row.state for row in session.exec(select(InboxItem).order_by(InboxItem.id))]


def test_as_many_as_allowed_are_worked_on_at_once_the_oldest_first(database):
    desk = Desk(database, at_once=2)
    for ts in "123":
        desk.receive(REACTION, "C1", ts, "U1")

    first = desk.hand_out()
    nothing = desk.hand_out()
    desk.end()
    then = desk.hand_out()

    assert (first, nothing, then) == (["C1:1:U1", "C1:2:U1"], [], ["C1:3:U1"])
    assert desk.states() == [InboxState.DONE, InboxState.NEW, InboxState.NEW]


def test_what_one_person_did_to_one_message_is_worked_on_in_its_order(database):
    desk = Desk(database)
    desk.receive(REACTION, "C1", "1", "U1", "x")
    desk.receive(REACTION, "C1", "1", "U1", "white_check_mark")
    desk.receive(REACTION, "C1", "1", "U2", "x")

    first = desk.hand_out()
    desk.end()

    assert first == ["C1:1:U1:x", "C1:1:U2:x"]
    assert desk.hand_out() == ["C1:1:U1:white_check_mark"]


def test_an_edit_has_its_channel_for_itself(database):
    desk = Desk(database, at_once=8)
    desk.receive(REACTION, "C1", "1", "U1")
    desk.receive(EDIT, "C1", "2")
    desk.receive(REACTION, "C1", "3", "U1")
    desk.receive(EDIT, "C2", "2")

    first = desk.hand_out()
    desk.end()
    second = desk.hand_out()
    desk.end(1)
    third = desk.hand_out()

    assert first == ["C1:1:U1", "C2:2"]
    assert second == ["C1:2"]
    assert third == ["C1:3:U1"]


def test_where_slack_allows_no_more_its_kind_waits_and_others_go_on(database):
    def refuse(item):
        if item.kind is REACTION:
            answer = {"ok": False, "error": "ratelimited"}
            raise SlackApiError(
                "no", SlackResponse(
                    client=None, http_verb="POST", api_url="", req_args={}, data=answer,
                    headers={"Retry-After": "30"}, status_code=429,
                )
            )  # fmt: skip

    desk = Desk(database, worker=refuse)
    desk.receive(REACTION, "C1", "1", "U1")
    desk.hand_out()
    desk.end()
    desk.receive(REACTION, "C1", "2", "U1")
    desk.receive(MENTION, "C1", "3", "U1")

    assert desk.hand_out() == ["C1:3:U1"]
    with database.read() as session:
        refused = session.exec(select(InboxItem)).first()
    assert (refused.state, refused.attempts) == (InboxState.NEW, 0)
    assert (refused.not_before - utc_now()).total_seconds() > 20


def test_a_row_our_code_cannot_work_on_is_tried_again_and_then_given_up(database):
    def fail(item):
        raise KeyError("a bug")

    desk = Desk(database, worker=fail)
    desk.receive(MENTION, "C1", "1", "U1")
    for attempt in range(MAX_CRASHES):
        with database.write() as session:
            session.exec(select(InboxItem)).one().not_before = None
        assert desk.hand_out(), attempt
        desk.end()
        desk.crew.step()

    assert desk.states() == [InboxState.FAILED]


def test_a_row_is_not_lost_when_it_cannot_be_closed_at_first(database, monkeypatch):
    desk = Desk(database)
    desk.receive(REACTION, "C1", "1", "U1")
    desk.hand_out()
    desk.end()
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            desk.crew.step()

    desk.crew.step()

    assert desk.states() == [InboxState.DONE]


def test_many_rows_within_a_second_are_a_rush_until_it_has_passed(database):
    desk = Desk(database, at_once=RUSH)
    for number in range(RUSH):
        assert not desk.crew.is_rushed()
        desk.receive(REACTION, "C1", str(number), "U1")
        desk.hand_out()

    assert desk.crew.is_rushed()
    time.sleep(1.0)
    assert not desk.crew.is_rushed()
