"""Many votes of one person in a short time wait for another curator; others stay untouched."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot.curation import review
from bot.curation.capture import Ballot, collect_example, take_vote_back, undo_vote
from bot.curation.lesson import Coordinates, Lesson
from bot.curation.review import Reviewer
from storage import rules
from storage.audience import WORKSPACE, Viewer
from storage.tables import (
    AuditEntry,
    CurationRules,
    Example,
    ExampleState,
    ReviewAction,
    Source,
    Vote,
)
from tests.teaching import TEAM, fresh_database

LIMIT = 3


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = fresh_database(tmp_path_factory.mktemp("bursts"))
    yield database
    database.close()


@pytest.fixture
def session(database):
    with database.write() as session:
        empty(session)
        yield session


def empty(session) -> None:
    for table in (ReviewAction, Vote, Example, CurationRules):
        for row in session.exec(select(table)):
            session.delete(row)
        session.flush()
    rules.set_values(session, TEAM, None, {"burst_votes": LIMIT, "burst_minutes": 1}, "U0ALICE")


def ballot(who: str, example: int, at: float, value: int = 1) -> Ballot:
    is_curator = who in ("bob", "alice")
    return Ballot(f"{example}:{who}:{value}", who, value, is_curator, f"{at:017.6f}")


def vote(session, who: str, example: int, at: float, value: int = 1):
    where = Coordinates("C0HELP", f"{example}.0", f"{example}.1", None, "asker", "author")
    lesson = Lesson(f"Q{example}", "A", Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=where)
    return collect_example(session, TEAM, WORKSPACE, lesson, ballot(who, example, at, value))


def states(session) -> dict[str, tuple[str, str | None]]:
    found = session.exec(select(Example).order_by(Example.answer_ts))
    return {each.question: (each.state.value, each.held_reason) for each in found}


def test_a_burst_is_held_from_its_first_vote_on(session):
    for number in range(LIMIT):
        vote(session, "bob", number, 1000 + number)
    before = set(states(session).values())

    outcome = vote(session, "bob", 9, 1010)

    assert before == {("approved", None)}
    assert (outcome.state, outcome.held_reason) == (ExampleState.PROPOSED, "burst")
    assert set(states(session).values()) == {("proposed", "burst")}
    held = session.exec(select(AuditEntry).where(AuditEntry.action == "example.held")).all()
    assert len(held) == LIMIT


def test_as_many_votes_in_more_time_are_no_burst(session):
    for number in range(12):
        vote(session, "bob", number, 1000 + 25 * number)

    assert set(states(session).values()) == {("approved", None)}


def test_another_curators_vote_settles_what_is_held(session):
    for number in range(LIMIT + 1):
        vote(session, "bob", number, 1000 + number)

    vote(session, "alice", 0, 2000)
    vote(session, "alice", 1, 2001, -1)

    assert states(session) == {
        "Q0": ("approved", None), "Q1": ("rejected", None),
        "Q2": ("proposed", "burst"), "Q3": ("proposed", "burst"),
    }  # fmt: skip


def test_a_reviewer_lets_held_votes_count(session):
    """With a quorum of two, the reviewer's vote and the one that was held are both."""
    values = {"quorum": 2, "burst_votes": LIMIT, "burst_minutes": 1}
    rules.set_values(session, TEAM, None, values, "U0ALICE")
    for number in range(LIMIT + 1):
        vote(session, "bob", number, 1000 + number)
    held = session.exec(select(Example).where(Example.question == "Q0")).one()

    review.approve(session, TEAM, Reviewer("U0ALICE", Viewer.model(WORKSPACE)), held.id)

    assert states(session) == {
        "Q0": ("approved", None), **{f"Q{n}": ("proposed", "burst") for n in (1, 2, 3)},
    }  # fmt: skip


def test_a_vote_taken_back_ends_the_burst(session):
    for number in range(LIMIT + 1):
        vote(session, "bob", number, 1000 + number)

    take_vote_back(session, TEAM, "2:bob:1", f"{5000:017.6f}")

    assert states(session) == {
        "Q0": ("approved", None), "Q1": ("approved", None),
        "Q2": ("withdrawn", None), "Q3": ("approved", None),
    }  # fmt: skip


def test_undo_ends_it_as_well(session):
    for number in range(LIMIT + 1):
        vote(session, "bob", number, 1000 + number)

    undo_vote(session, TEAM, "0:bob:1", f"{1000:017.6f}")

    assert [state for state, _ in states(session).values()] == ["withdrawn", *["approved"] * 3]


def test_a_flood_of_marks_as_wrong_takes_nothing_out_of_use(session):
    for number in range(6):
        vote(session, "alice", number, 1000 + 100 * number)
    for number in range(6):
        vote(session, "bob", number, 9000 + number, -1)

    assert set(states(session).values()) == {("approved", "burst")}


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["bob", "alice", "carol"]),
        st.integers(0, 4),
        st.sampled_from([1, -1, 0]),
        # Clocks jump: times are close together, far apart, equal, and in no order.
        st.sampled_from([1000, 1001, 1002, 1003, 1030, 1061, 5000, 5001, 90000]),
    ),
    max_size=14,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(EVENTS, st.randoms(use_true_random=False))
def test_order_and_replays_change_nothing(database, events, random):
    # Slack never gives two events one time; and the inbox lets only the newest of a key through.
    timed = [(who, number, value, at + place / 100) for place, (who, number, value, at) in
             enumerate(events)]  # fmt: skip
    shuffled = [*timed, *timed[::2]]
    random.shuffle(shuffled)

    with database.write() as session:
        empty(session)
        # The rows are there from the start, as who came first decides nothing here.
        play(session, timed)
        expected = states(session)
        empty(session)
        play(session, shuffled)

        assert {q: s for q, s in states(session).items() if s[0] != "withdrawn"} == {
            q: s for q, s in expected.items() if s[0] != "withdrawn"
        }


def play(session, events) -> None:
    newest: dict[tuple, float] = {}
    for who, number, value, at in events:
        # A 0 takes the ✅ back; ✅ and ❌ are two reactions with a key each.
        key = (who, number, value or 1)
        if at <= newest.get(key, 0):
            continue
        newest[key] = at
        if value:
            vote(session, who, number, at, value)
        else:
            take_vote_back(session, TEAM, f"{number}:{who}:1", f"{at:017.6f}")
