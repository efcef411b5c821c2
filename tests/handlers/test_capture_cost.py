"""What a captured reaction costs the database: bounds, so that it cannot creep up unseen."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from handlers.delivery import Delivery
from handlers.rules import KnownRules
from storage import rules
from tests.capture_desk import CURATOR, Desk
from tests.teaching import TEAM

#: Receiving it; keeping the example with its vote, which closes it. Handing it out only reads.
STATEMENTS, COMMITS = 24, 2
#: Looking for the confirmation, taking it, noting that it was sent.
STATEMENTS_TO_CONFIRM, COMMITS_TO_CONFIRM = 3, 2


@pytest.fixture
def desk(shared_sandbox, tmp_path):
    desk = Desk.open(shared_sandbox, tmp_path / "apprentice.db")
    yield desk
    desk.database.close()


@contextmanager
def counted(database):
    """What is sent to the database within the block; statements of a flush count each."""
    found = Counter()

    def on_statement(*_):
        found["statements"] += 1

    def on_commit(*_):
        found["commits"] += 1

    event.listen(database.engine, "before_cursor_execute", on_statement)
    event.listen(database.engine, "commit", on_commit)
    yield found
    event.remove(database.engine, "before_cursor_execute", on_statement)
    event.remove(database.engine, "commit", on_commit)


def test_a_captured_reaction_takes_no_more_statements_than_it_did(desk):
    desk.vote(CURATOR, desk.thread(("U0CAROL", "Who has the key?"), ("U0ALICE", "Ann."))[1])
    answer = desk.thread(("U0CAROL", "How do I reset the router?"), ("U0ALICE", "Hold it."))[1]

    with counted(desk.database) as captured:
        desk.deliver(replace(desk.event(CURATOR, answer), item_user="U0ALICE"))

    assert desk.states() == ["approved", "approved"]
    assert captured["statements"] <= STATEMENTS
    assert captured["commits"] <= COMMITS


def test_its_confirmation_takes_no_more_either(desk):
    delivery = Delivery(desk.database, desk.client, desk.deps.people)
    desk.vote(CURATOR, desk.thread(("U0CAROL", "Where is it?"), ("U0ALICE", "There."))[1])

    with counted(desk.database) as confirmed:
        assert delivery.step()

    assert confirmed["statements"] <= STATEMENTS_TO_CONFIRM
    assert confirmed["commits"] <= COMMITS_TO_CONFIRM


def test_a_reaction_that_means_nothing_asks_the_database_once_for_all_that_follow(desk):
    known = KnownRules(desk.database)
    known.at(TEAM, "C0HELP")

    with counted(desk.database) as asked:
        for _ in range(5):
            known.at(TEAM, "C0HELP")

    assert asked["statements"] == 0


def test_rules_that_changed_hold_for_the_next_reaction(desk):
    known = KnownRules(desk.database)
    known.at(TEAM, "C0HELP")
    with desk.database.write() as session:
        rules.set_values(session, TEAM, None, {"good_reactions": ("tada",)}, "U0ALICE")

    assert known.at(TEAM, "C0HELP").good_reactions == ("tada",)
