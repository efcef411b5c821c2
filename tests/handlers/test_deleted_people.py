"""Somebody's account is deleted, before or after what they did is worked on: nothing breaks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.curation import review as verbs
from bot.curation.review import Reviewer
from handlers import notices
from storage import inbox
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import ContributorNotice, InboxState, OutboxMessage
from tests.capture_desk import CURATOR, Desk
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.teaching import TEAM

ALICE, CAROL = "U0ALICE", "U0CAROL"
#: Slack either shows an account as deleted, or does not know it any more.
HOW = ["deleted", "user_not_found"]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True) as running:
        yield running


@pytest.fixture
def desk(sandbox, tmp_path) -> Iterator[Desk]:
    desk = Desk.open(sandbox, tmp_path / "desk.db")
    yield desk
    desk.database.close()


def delete(desk: Desk, user_id: str, how: str) -> None:
    people = desk.deps.people
    if how == "deleted":
        desk.sandbox.control("user", id=user_id, deleted=True)
    else:
        for other in {ALICE, CURATOR, CAROL} - {user_id}:
            people.person(other)  # is remembered, so that Slack is asked for the one alone
        desk.sandbox.fault("users.info", error="user_not_found", times=99)
    people.forget(user_id=user_id)
    assert people.person(user_id).is_external


@pytest.mark.parametrize("how", HOW)
def test_what_an_author_who_is_gone_said_is_not_kept_and_the_voter_is_told_why(desk, how):
    [_, gone] = desk.thread((CAROL, "Where is the key?"), (ALICE, "On the hook."))
    [_, there] = desk.thread((CAROL, "Where is the map?"), (CURATOR, "In the car."))
    delete(desk, ALICE, how)

    desk.vote(CURATOR, gone)
    desk.vote(CURATOR, there)

    assert [example.answer for example in desk.examples()] == ["In the car."]
    assert "people who are not full members" in desk.said()[0]


@pytest.mark.parametrize("how", HOW)
def test_what_was_kept_stays_when_its_author_or_curator_is_gone(desk, how):
    [_, answer] = desk.thread((CAROL, "Where is the key?"), (ALICE, "On the hook."))
    vote = desk.vote(CURATOR, answer)
    for user_id in (ALICE, CURATOR):
        delete(desk, user_id, how)

    desk.vote(CAROL, answer)
    desk.vote(CURATOR, answer, -1)

    assert desk.states() == ["approved"], "who is gone votes no more, and what they said stands"
    assert all(row.state is InboxState.DONE for row in desk._rows(inbox.InboxItem))
    desk.take_back(vote)
    assert desk.states() == ["proposed"], "a reaction that Slack takes off with the account counts"


@pytest.mark.parametrize("how", HOW)
def test_a_contributor_who_is_gone_is_told_nothing_and_holds_up_nobody(desk, how):
    threads = [
        desk.thread((ALICE, f"Where is the {what}?"), (CURATOR, "On the hook."))[1]
        for what in ("key", "map")
    ]
    desk.vote(CAROL, threads[0])
    desk.vote("U0ALICE", threads[1])
    with desk.database.write() as session:
        by = Reviewer(CURATOR, Viewer.person(()))
        verbs.approve(session, TEAM, by, 1)
        # Alice is an admin, so hers stands already; a second opinion is news to her.
        verbs.reject(session, TEAM, by, 2)
    delete(desk, CAROL, how)
    before = len(desk._rows(OutboxMessage))

    later = utc_now() + timedelta(hours=1)
    while notices.step(desk.database, desk.client, desk.deps.people, lambda: later):
        pass

    rows = desk._rows(ContributorNotice)
    assert all(row.told_at is not None for row in rows)
    told = [row.channel_id for row in desk._rows(OutboxMessage)[before:]]
    carols = [row for row in rows if row.user_id == CAROL]
    assert carols
    assert len(told) == len(rows) - len(carols)
