"""What reviewers decide: each verb, what it needs, and its undo."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from bot.curation import review as verbs
from bot.curation.capture import Ballot, collect_example
from bot.curation.lesson import Coordinates, Lesson
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.review import Reviewer
from bot.curation.undoing import undo
from bot.errors import (
    AlreadyDecidedError,
    ChangedSinceError,
    DifferentAudienceError,
    EditedMeanwhileError,
    NotAMemberError,
    NotFoundError,
    NotYourDecisionError,
)
from storage import audit, examples, review, rules
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.review import Queue
from storage.tables import Example, ExampleState, NearDuplicate, Source, Verb, Vote
from tests.teaching import TEAM, fresh_database, teach

MEMBER = Viewer.person(["C0OPS"])
ALICE, BOB = Reviewer("U0ALICE", MEMBER), Reviewer("U0BOB", MEMBER)
OUTSIDE = Reviewer("U0FRED", Viewer.person([]))


@pytest.fixture
def session(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        yield session
    database.close()


def voted(
    session: Session,
    votes: dict[str, int],
    curators: tuple[str, ...] = (),
    *,
    audience: str = WORKSPACE,
    ts: str = "1.0",
) -> Example:
    """An example under votes that were cast one after the other."""
    channel = "C0HELP" if audience == WORKSPACE else audience
    lesson = Lesson(
        "Where is the key?", "On the hook.", Source.SLACK_MESSAGE, Source.SLACK_MESSAGE,
        at=Coordinates(channel, ts, ts, None, "U0CAROL", "U0ZOE"),
    )  # fmt: skip
    for number, (user, value) in enumerate(votes.items()):
        ballot = Ballot(f"{ts}:{user}", user, value, user in curators, f"{number}.000001")
        outcome = collect_example(session, TEAM, audience, lesson, ballot)
    assert outcome is not None
    return outcome.example


def pair_of(session: Session, first: Example, second: Example) -> NearDuplicate:
    note_near_duplicates(session, second)
    pair = session.exec(select(NearDuplicate)).one()
    assert {pair.first_id, pair.second_id} == {first.id, second.id}
    return pair


def waiting(session: Session, viewer: Viewer = MEMBER) -> dict[Queue, int]:
    return review.counts(session, TEAM, viewer, review.stale_before(session, TEAM))


def test_approving_makes_a_proposal_count_and_undo_takes_it_back(session):
    example = voted(session, {"U0CAROL": 1})
    before = waiting(session)

    action = verbs.approve(session, TEAM, BOB, example.id, example.revision)
    approved, nothing = example.state, waiting(session)
    undo(session, TEAM, BOB, action.id)

    assert before == {Queue.PROPOSED: 1}
    assert (approved, nothing) == (ExampleState.APPROVED, {})
    assert example.state is ExampleState.PROPOSED
    assert waiting(session) == before
    assert [entry.action for entry in audit.entries(session, TEAM, MEMBER)][-2:] == [
        "review.approve",
        "review.undo_approve",
    ]


def test_the_same_decision_twice_is_one(session):
    example = voted(session, {"U0CAROL": 1})
    verbs.approve(session, TEAM, BOB, example.id)

    with pytest.raises(AlreadyDecidedError):
        verbs.approve(session, TEAM, BOB, example.id)

    assert len(session.exec(select(Vote)).all()) == 2


def test_nobody_decides_about_words_they_did_not_see(session):
    example = voted(session, {"U0CAROL": 1})
    seen = example.revision
    verbs.edit(session, TEAM, ALICE, example.id, "Where is the key?", "In the safe.", seen)

    with pytest.raises(EditedMeanwhileError):
        verbs.approve(session, TEAM, BOB, example.id, seen)


def test_a_decision_settles_a_dispute_until_somebody_votes_again(session):
    curators = ("U0ALICE", "U0BOB")
    example = voted(session, {"U0ALICE": 1, "U0BOB": -1}, curators)
    disputed = example.state

    verbs.approve(session, TEAM, Reviewer("U0GINA", MEMBER), example.id)
    settled = example.state
    ballot = Ballot("late", "U0BOB", -1, by_curator=True, order_key="9999999999.000001")
    at = Coordinates("C0HELP", "1.0", "1.0", None, None, None)
    kind = Source.SLACK_MESSAGE
    lesson = Lesson("Where is the key?", "On the hook.", kind, kind, at=at)
    collect_example(session, TEAM, WORKSPACE, lesson, ballot)

    assert disputed is ExampleState.DISPUTED
    assert settled is ExampleState.APPROVED
    assert example.state is ExampleState.DISPUTED


def test_a_private_channel_may_ask_for_two_curators(session):
    rules.set_values(session, TEAM, None, {"two_person": True}, "U0ALICE")
    example = voted(session, {"U0CAROL": 1}, audience="C0OPS")

    verbs.approve(session, TEAM, BOB, example.id)
    after_one = example.state
    verbs.approve(session, TEAM, ALICE, example.id)

    assert after_one is ExampleState.PROPOSED
    assert example.state is ExampleState.APPROVED


def test_what_was_imported_returns_to_what_it_was(session):
    example = teach(session, "How?", "So.", source=Source.IMPORT)

    rejected = verbs.reject(session, TEAM, BOB, example.id)
    state = example.state
    undo(session, TEAM, BOB, rejected.id)

    assert state is ExampleState.REJECTED
    assert example.state is ExampleState.APPROVED


def test_a_merge_keeps_both_ways_to_ask_and_the_votes(session):
    kept = teach(session, "Where is the spare key?", "On the hook behind the door.")
    other = teach(session, "Where is the key, the spare?", "On the hook behind the door.",
                  held_out=("Spare key, where?",))  # fmt: skip
    pair = pair_of(session, kept, other)

    action = verbs.merge(session, TEAM, BOB, pair.id, kept.id)
    words = {w.text for w in examples.wordings(session, TEAM, MEMBER, kept.id)}
    merged = (other.state, other.merged_into)
    listed = examples.count_by_state(session, TEAM, MEMBER)
    undo(session, TEAM, BOB, action.id)

    assert words == {other.question, "Spare key, where?"}
    assert merged == (ExampleState.WITHDRAWN, kept.id)
    assert listed == {ExampleState.APPROVED: 1}
    assert (other.state, other.merged_into) == (ExampleState.APPROVED, None)
    assert examples.wordings(session, TEAM, MEMBER, kept.id) == []
    assert waiting(session) == {Queue.NEAR_DUPLICATE: 1}


def test_a_merged_wording_stays_with_whose_words_it_is(session):
    kept = teach(session, "Where is the spare key?", "On the hook behind the door.")
    other = teach(session, "Where is the key, the spare?", "On the hook behind the door.",
                  held_out=("Spare key, where?",))  # fmt: skip
    other.asker_id, other.channel_id, other.question_ts = "U0CAROL", "C0HELP", "7.1"
    [brought] = examples.wordings(session, TEAM, MEMBER, other.id)
    brought.asker_id, brought.channel_id, brought.message_ts = "U0DAVE", "C0LAB", "8.1"
    session.flush()
    pair = pair_of(session, kept, other)

    verbs.merge(session, TEAM, BOB, pair.id, kept.id)

    assert {
        (w.text, w.asker_id, w.channel_id, w.message_ts)
        for w in examples.wordings(session, TEAM, MEMBER, kept.id)
    } == {
        ("Where is the key, the spare?", "U0CAROL", "C0HELP", "7.1"),
        ("Spare key, where?", "U0DAVE", "C0LAB", "8.1"),
    }


def test_votes_on_a_merged_example_do_not_bring_it_back(session):
    other = voted(session, {"U0CAROL": 1}, ts="2.0")
    kept = teach(session, "Where is the key?", "On the hook.")
    pair = pair_of(session, other, kept)
    verbs.merge(session, TEAM, BOB, pair.id, kept.id)

    voted(session, {"U0ALICE": 1}, ("U0ALICE",), ts="2.0")

    assert other.state is ExampleState.WITHDRAWN
    assert len(session.exec(select(Vote).where(Vote.example_id == other.id)).all()) == 2


def test_merging_carries_nothing_across_audiences(session):
    kept = teach(session, "Where is the key?", "On the hook.")
    other = teach(session, "Where is the key?", "On the hook.", audience="C0OPS")
    pair = pair_of(session, kept, other)

    with pytest.raises(DifferentAudienceError):
        verbs.merge(session, TEAM, BOB, pair.id, kept.id)
    with pytest.raises(NotFoundError):
        verbs.merge(session, TEAM, OUTSIDE, pair.id, kept.id)


def test_of_two_that_contradict_each_other_one_is_right(session):
    right = teach(session, "When is lunch?", "At noon sharp.")
    wrong = teach(session, "When is lunch?", "Two hours after eleven.",
                  state=ExampleState.PROPOSED)  # fmt: skip
    pair = pair_of(session, right, wrong)
    queue = waiting(session)

    action = verbs.settle(session, TEAM, BOB, pair.id, right.id)
    settled = (right.state, wrong.state)
    undo(session, TEAM, BOB, action.id)

    assert queue == {Queue.CONTRADICTION: 1, Queue.PROPOSED: 1}
    assert settled == (ExampleState.APPROVED, ExampleState.REJECTED)
    assert (right.state, wrong.state) == (ExampleState.APPROVED, ExampleState.PROPOSED)
    assert waiting(session) == queue


def test_both_may_be_right(session):
    first, second = teach(session, "When is lunch?", "Noon."), teach(session, "Lunch when?", "One.")
    pair = pair_of(session, first, second)

    verbs.keep_apart(session, TEAM, BOB, pair.id)

    assert waiting(session) == {}
    with pytest.raises(AlreadyDecidedError):
        verbs.keep_apart(session, TEAM, BOB, pair.id)


def test_what_leaves_a_private_channel_needs_two_members(session):
    example = teach(session, "Where is the vault?", "Behind it.", audience="C0OPS")

    asked = verbs.change_audience(session, TEAM, BOB, example.id, WORKSPACE)
    alone = (asked.verb, example.audience, waiting(session))
    with pytest.raises(AlreadyDecidedError):
        verbs.agree(session, TEAM, BOB, asked.id)
    with pytest.raises(NotFoundError):
        verbs.agree(session, TEAM, OUTSIDE, asked.id)
    hidden = waiting(session, OUTSIDE.viewer)
    verbs.agree(session, TEAM, ALICE, asked.id)

    assert alone == (Verb.ASK_AUDIENCE, "C0OPS", {Queue.WIDENING: 1})
    assert hidden == {}
    assert example.audience == WORKSPACE
    undo(session, TEAM, ALICE, asked.id)
    assert example.audience == "C0OPS"


def test_another_wish_is_no_agreement(session):
    """Bob asked for everybody; Alice, who asks for another channel, does not second that."""
    example = teach(session, "Where is the vault?", "Behind it.", audience="C0OPS")
    of_both = Viewer.person(["C0OPS", "C0LAB"])
    alice, bob = Reviewer("U0ALICE", of_both), Reviewer("U0BOB", of_both)
    verbs.change_audience(session, TEAM, bob, example.id, WORKSPACE)

    with pytest.raises(AlreadyDecidedError):
        verbs.change_audience(session, TEAM, alice, example.id, "C0LAB")
    with pytest.raises(AlreadyDecidedError):
        verbs.change_audience(session, TEAM, bob, example.id, WORKSPACE)

    assert example.audience == "C0OPS"


def test_who_agrees_is_a_member_there_too(session):
    example = teach(session, "Where is the vault?", "Behind it.", audience="C0OPS")
    bob = Reviewer("U0BOB", Viewer.person(["C0OPS", "C0LAB"]))
    asked = verbs.change_audience(session, TEAM, bob, example.id, "C0LAB")

    with pytest.raises((NotAMemberError, NotFoundError)):
        verbs.agree(session, TEAM, ALICE, asked.id)

    assert example.audience == "C0OPS"


def test_agreement_is_to_the_words_that_were_asked_about(session):
    example = teach(session, "Where is the vault?", "Behind it.", audience="C0OPS")
    asked = verbs.change_audience(session, TEAM, BOB, example.id, WORKSPACE)
    verbs.edit(session, TEAM, BOB, example.id, "Where is the vault?", "The code is 1234.", 1)

    with pytest.raises(EditedMeanwhileError):
        verbs.agree(session, TEAM, ALICE, asked.id)

    assert example.audience == "C0OPS"


def test_undoing_a_narrowing_never_carries_new_words_out(session):
    example = teach(session, "Where is the vault?", "Behind it.")
    narrowed = verbs.change_audience(session, TEAM, BOB, example.id, "C0OPS")
    example.answer, example.revision = "The code is 1234.", example.revision + 1
    session.add(example)

    with pytest.raises(ChangedSinceError):
        undo(session, TEAM, BOB, narrowed.id)

    assert example.audience == "C0OPS"


def test_an_example_moves_only_to_channels_of_ones_own(session):
    example = teach(session, "How?", "So.")

    with pytest.raises(NotAMemberError):
        verbs.change_audience(session, TEAM, BOB, example.id, "C0SECRET")


def test_what_nobody_looked_at_for_long_is_stale_by_the_rules_of_its_place(session):
    old = teach(session, "How?", "So.")
    other = teach(session, "How in help?", "So.")
    other.channel_id = "C0HELP"
    for example in (old, other):
        example.updated_at = utc_now() - timedelta(days=100)
        session.add(example)
    rules.set_values(session, TEAM, None, {"stale_days": 90}, "U0ALICE")
    rules.set_values(session, TEAM, "C0HELP", {"stale_days": 0}, "U0ALICE")
    session.flush()

    before = waiting(session)
    action = verbs.confirm(session, TEAM, BOB, old.id)
    after = waiting(session)
    undo(session, TEAM, BOB, action.id)

    assert before == {Queue.STALE: 1}
    assert after == {}
    assert waiting(session) == before


def test_another_wording_is_kept_once_for_evaluation(session):
    example = teach(session, "Where is the key?", "On the hook.")

    verbs.add_wording(session, TEAM, BOB, example.id, "Key, where?")
    with pytest.raises(AlreadyDecidedError):
        verbs.add_wording(session, TEAM, BOB, example.id, "Key, where?")

    assert [w.text for w in examples.wordings(session, TEAM, MEMBER, example.id)] == ["Key, where?"]


def test_only_who_decided_undoes_and_the_newest_first(session):
    example = voted(session, {"U0CAROL": 1})
    first = verbs.approve(session, TEAM, BOB, example.id)
    verbs.edit(session, TEAM, ALICE, example.id, "Where is the key?", "In the safe.", 1)

    with pytest.raises(ChangedSinceError):
        undo(session, TEAM, BOB, first.id)
    with pytest.raises(NotYourDecisionError):
        undo(session, TEAM, ALICE, first.id)
    with pytest.raises(NotFoundError):
        undo(session, TEAM, BOB, 999)


def test_a_private_example_cannot_be_decided_about_from_outside(session):
    example = teach(session, "Where is the vault?", "Behind it.", audience="C0OPS",
                    state=ExampleState.PROPOSED)  # fmt: skip

    assert waiting(session, OUTSIDE.viewer) == {}
    with pytest.raises(NotFoundError):
        verbs.approve(session, TEAM, OUTSIDE, example.id)
