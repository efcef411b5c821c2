"""Keeping examples under votes, and what is left when votes go."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, delete, select

from bot.curation.capture import (
    Ballot,
    collect_example,
    take_vote_back,
    undo_vote,
    vote_on_known,
)
from bot.curation.lesson import Coordinates, Lesson
from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from storage import snapshots
from storage.audience import WORKSPACE, Viewer
from storage.tables import Example, ExampleState, Source, Vote
from tests.teaching import TEAM, fresh_database

AT = Coordinates("C0HELP", "1.0", "2.0", "1.0", "U0CAROL", "U0DAN")
LESSON = Lesson("Q", "A", Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=AT)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    database = fresh_database(tmp_path_factory.mktemp("collecting"))
    yield database
    database.close()


@pytest.fixture
def session(shared):
    with shared.write() as session:
        empty(session)
        yield session


def empty(session: Session) -> None:
    for table in (Vote, Example):
        session.exec(delete(table))


def ballot(who: str, at: str, value: int = 1, *, curator: bool | None = None) -> Ballot:
    is_curator = who == "bob" if curator is None else curator
    return Ballot(f"{who}:{value}", who, value, is_curator, at)


def collect(session, who, at, value=1, lesson=LESSON, audience=WORKSPACE, **role):
    return collect_example(session, TEAM, audience, lesson, ballot(who, at, value, **role))


def rows(session) -> list[tuple]:
    session.flush()
    return [(e.question, e.answer, e.state) for e in session.exec(select(Example))]


def test_a_curators_vote_approves_and_keeps_where_it_comes_from(session):
    outcome = collect(session, "bob", "5")

    assert (outcome.before, outcome.state) == (None, ExampleState.APPROVED)
    example = session.exec(select(Example)).one()
    assert (example.asker_id, example.author_id) == ("U0CAROL", "U0DAN")
    assert (example.question_ts, example.answer_ts) == ("1.0", "2.0")


def test_two_people_vote_for_one_example(session):
    first, second = collect(session, "carol", "5"), collect(session, "bob", "6")

    assert first.example.id == second.example.id
    assert (second.before, second.state) == (ExampleState.PROPOSED, ExampleState.APPROVED)


def test_the_same_ballot_twice_counts_once(session):
    collect(session, "bob", "5")

    assert collect(session, "bob", "5") is None
    assert len(rows(session)) == 1


def test_an_older_ballot_changes_nothing(session):
    collect(session, "bob", "5")
    take_vote_back(session, TEAM, "bob:1", "6")

    assert collect(session, "bob", "5") is None
    assert rows(session) == [("Q", "A", ExampleState.WITHDRAWN)]


def test_a_typed_lesson_sent_twice_is_kept_once(session):
    typed = replace(LESSON, at=None)

    collect(session, "bob", "5", lesson=typed)

    assert collect(session, "bob", "5", lesson=typed) is None
    assert len(rows(session)) == 1


def test_what_was_taken_back_comes_again_with_a_newer_vote(session):
    collect(session, "bob", "5")
    back = take_vote_back(session, TEAM, "bob:1", "6")
    again = collect(session, "bob", "7")

    assert back.state is ExampleState.WITHDRAWN
    assert (again.before, again.state) == (ExampleState.WITHDRAWN, ExampleState.APPROVED)
    assert len(rows(session)) == 1


def test_taking_back_twice_or_what_was_never_cast_says_nothing(session):
    collect(session, "bob", "5")
    take_vote_back(session, TEAM, "bob:1", "6")

    assert take_vote_back(session, TEAM, "bob:1", "6") is None
    assert take_vote_back(session, TEAM, "bob:1", "7") is None
    assert take_vote_back(session, TEAM, "nobody:1", "7") is None


@pytest.mark.parametrize("at", ["4", "5"])
def test_taking_back_what_is_not_older_changes_nothing(session, at):
    collect(session, "bob", "5")

    assert take_vote_back(session, TEAM, "bob:1", at) is None
    assert rows(session) == [("Q", "A", ExampleState.APPROVED)]


def test_votes_that_were_taken_back_vouch_for_nothing(session):
    collect(session, "carol", "5")
    take_vote_back(session, TEAM, "carol:1", "6")

    collect(session, "dave", "7", lesson=replace(LESSON, answer="other"))

    assert rows(session) == [("Q", "other", ExampleState.PROPOSED)]


def test_an_example_stays_while_others_vouch_for_it(session):
    collect(session, "bob", "5")
    collect(session, "carol", "6")

    assert take_vote_back(session, TEAM, "bob:1", "7").state is ExampleState.PROPOSED
    assert take_vote_back(session, TEAM, "carol:1", "8").state is ExampleState.WITHDRAWN


def test_after_an_undo_a_replay_counts_nothing_and_a_new_reaction_counts(session):
    collect(session, "bob", "5")

    assert undo_vote(session, TEAM, "bob:1", "5").state is ExampleState.WITHDRAWN
    assert undo_vote(session, TEAM, "bob:1", "5") is None
    assert collect(session, "bob", "5") is None
    assert take_vote_back(session, TEAM, "bob:1", "6") is None
    assert collect(session, "bob", "7").state is ExampleState.APPROVED


def test_an_old_undo_button_does_not_take_back_a_newer_vote(session):
    collect(session, "bob", "5")
    take_vote_back(session, TEAM, "bob:1", "6")
    collect(session, "bob", "7")

    assert undo_vote(session, TEAM, "bob:1", "5") is None
    assert rows(session) == [("Q", "A", ExampleState.APPROVED)]


def test_a_cross_on_what_another_curator_approved_disputes_it(session):
    collect(session, "bob", "5")

    assert collect(session, "alice", "6", -1, curator=True).state is ExampleState.DISPUTED
    assert take_vote_back(session, TEAM, "alice:-1", "7").state is ExampleState.APPROVED


def test_a_cross_on_something_new_keeps_it_as_wrong(session):
    assert collect(session, "carol", "5", -1).state is ExampleState.REJECTED


def test_a_vote_finds_what_was_kept_without_reading_it_again(session):
    collect(session, "carol", "5")

    outcome = vote_on_known(session, TEAM, "C0HELP", "2.0", ballot("bob", "6"))

    assert outcome.state is ExampleState.APPROVED
    assert vote_on_known(session, TEAM, "C0HELP", "2.0", ballot("bob", "6")) is None
    assert vote_on_known(session, TEAM, "C0HELP", "9.0", ballot("bob", "7")) is None


@pytest.mark.parametrize(
    ("answer", "who", "edited", "kept"),
    [
        ("A and more", "bob", False, "A and more"),  # the author went on
        ("A and more", "dave", False, "A"),
        ("other", "bob", False, "A"),
        ("other", "bob", True, "other"),  # a curator corrects it in the form
        ("other", "dave", True, "A"),
        ("other", "carol", False, "other"),  # nobody else vouches for it
    ],
)
def test_who_may_change_what_others_vouched_for(session, answer, who, edited, kept):
    collect(session, "carol", "5")
    changed = replace(LESSON, answer=answer, is_edited=edited)

    collect(session, who, "6", lesson=changed)

    assert [row[1] for row in rows(session)] == [kept]


def test_an_audience_is_narrowed_and_never_widened(session):
    collect(session, "bob", "5")
    collect(session, "carol", "6", audience="C0HELP")
    collect(session, "dave", "7", audience=WORKSPACE)

    assert session.exec(select(Example.audience)).all() == ["C0HELP"]


def test_what_a_vote_narrows_leaves_the_snapshots_of_the_workspace(session):
    everybody = Viewer.person(())
    collect(session, "bob", "5")
    attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
    taken = take_snapshot(session, TEAM, WORKSPACE, attestation)
    assert len(taken.rows) == 1

    collect(session, "carol", "6", audience="C0HELP")

    assert snapshots.rows_of(session, TEAM, taken.snapshot.id, everybody) == []


def test_a_vote_that_moves_to_another_example_leaves_the_first(session):
    collect(session, "bob", "5")
    moved = replace(LESSON, at=replace(AT, answer_ts="3.0"))

    collect(session, "bob", "6", lesson=moved)

    assert [row[2] for row in rows(session)] == [ExampleState.WITHDRAWN, ExampleState.APPROVED]


acts = st.lists(
    st.tuples(
        st.sampled_from(["bob", "alice", "carol"]),
        st.sampled_from([1, -1]),
        st.sampled_from(["cast", "take", "undo"]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=acts, seed=st.randoms(use_true_random=False))
def test_replayed_and_late_events_leave_what_the_newest_of_each_key_say(shared, acts, seed):
    """Reactions alone: the state is that of the newest event of each key, however they come."""
    events = [(who, value, what == "cast", f"{n:03d}") for n, (who, value, what) in enumerate(acts)]
    in_order = final_rows(shared, events)
    replayed = [*events, *events]
    newest = {(who, value): at for who, value, _, at in events}
    # The inbox lets nothing through that is older than what it has under the same key.
    late = [event for event in replayed if newest[event[0], event[1]] == event[3]]
    seed.shuffle(late)

    assert final_rows(shared, replayed) == in_order
    assert final_state(late, shared) == final_state(events, shared)


def final_state(events, shared):
    states = [row[2] for row in final_rows(shared, events)]
    return states if states != [ExampleState.WITHDRAWN] else []


def final_rows(shared, events) -> list[tuple]:
    with shared.write() as session:
        empty(session)
        for who, value, is_cast, at in events:
            if is_cast:
                collect(session, who, at, value, curator=who != "carol")
            else:
                take_vote_back(session, TEAM, f"{who}:{value}", at)
        return rows(session)
