"""A clock that was wrong for a while loses nothing, and holds nothing up for years."""

from datetime import datetime, timedelta

import pytest

from bot.curation import review as verbs
from bot.curation.capture import Ballot, collect_example, take_vote_back
from bot.curation.lesson import Coordinates, Lesson
from bot.curation.review import Reviewer
from bot.dataset.rights import attest
from bot.dataset.snapshot import freeze, proves
from storage import admin_notices, inbox, outbox, questions, runs, snapshots
from storage.audience import WORKSPACE, Viewer
from storage.columns import LONGEST_PAUSE, utc_now
from storage.tables import (
    AdminNotice,
    Example,
    ExampleState,
    InboxItem,
    InboxKind,
    OutboxMessage,
    Question,
    Run,
    Snapshot,
    Source,
)
from tests.teaching import TEAM, teach, thaw

YEARS = timedelta(days=3000)
AT = Coordinates("C0HELP", "1.0", "2.0", "1.0", "U0CAROL", "U0DAN")
LESSON = Lesson("Q", "A", Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=AT)


@pytest.fixture
def put_off(database):
    """One of everything that may be put off; the test says until when."""

    def put_off(until: datetime) -> None:
        with database.write() as session:
            inbox.receive(
                session, TEAM, InboxKind.REACTION, "k", {"channel_id": "C", "message_ts": "1"}, "1"
            )
            outbox.put(session, TEAM, "k", channel_id="C", text="Hello")
            questions.ask(
                session, TEAM, channel_id="C", message_ts="1", thread_ts="1", user_id="U",
                queue_limit=9,
            )  # fmt: skip
            runs.enqueue(
                session, TEAM, WORKSPACE, trainer="local", requested_by="U", channel_id=None
            )
            admin_notices.put(session, TEAM, WORKSPACE, "k", "Look.")
            for table in (InboxItem, OutboxMessage, Question, Run, AdminNotice):
                row = session.get_one(table, 1)
                row.not_before = until
                session.add(row)

    return put_off


def due(database) -> list[bool]:
    now = utc_now()
    with database.read() as session:
        return [
            bool(inbox.due(session, 1)),
            outbox.has_due(session),
            questions.has_due(session),
            bool(runs.due(session, now)),
            admin_notices.next_due(session, now) is not None,
        ]


@pytest.mark.parametrize(
    ("until", "is_due"),
    [
        (timedelta(0), True),
        (timedelta(hours=1), False),
        (LONGEST_PAUSE - timedelta(minutes=1), False),
        (YEARS, True),
        (-YEARS, True),
    ],
)
def test_what_was_put_off_while_the_clock_was_ahead_is_due_once_it_is_right(
    database, put_off, until, is_due
):
    put_off(utc_now() + until)

    assert due(database) == [is_due] * 5


def test_votes_count_in_slacks_order_whatever_our_clock_says(database):
    """A reviewer's decision is reckoned by our clock, and comes after all that was there."""
    ahead = Ballot("carol", "U0CAROL", -1, by_curator=False, order_key="9999999999.000100")
    with database.write() as session:
        kept = collect_example(session, TEAM, WORKSPACE, LESSON, ahead).example.id
        verbs.approve(session, TEAM, Reviewer("U0ALICE", Viewer.person(())), kept)
    state_after_review = state(database, kept)
    with database.write() as session:
        late = Ballot("carol", "U0CAROL", -1, by_curator=False, order_key="1.000100")
        assert collect_example(session, TEAM, WORKSPACE, LESSON, late) is None
        assert take_vote_back(session, TEAM, "carol", "1.000200") is None

    assert state_after_review is state(database, kept) is ExampleState.APPROVED


def state(database, example_id: int) -> ExampleState:
    with database.read() as session:
        return session.get_one(Example, example_id).state


def test_snapshots_keep_their_order_and_their_hash_when_the_clock_goes_back(database):
    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        teach(session, "Where?", "Here.")
        first = freeze(session, TEAM, WORKSPACE, attestation).snapshot
        thaw(session)
        first.created_at += YEARS  # the clock was ahead then
        session.add(first)
    with database.write() as session:
        teach(session, "When?", "Now.").created_at -= 2 * YEARS
        second = freeze(session, TEAM, WORKSPACE, attestation).snapshot

    with database.read() as session:
        newest = snapshots.newest(session, TEAM, WORKSPACE)
        assert (first.number, second.number, newest.id) == (1, 2, second.id)
        assert all(proves(session, TEAM, session.get_one(Snapshot, n)) for n in (1, 2))
