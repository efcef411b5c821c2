"""Any decisions, taken back newest first, leave everything as it was, for whoever may see it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from bot.curation import review as verbs
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.review import Reviewer
from bot.curation.undoing import undo
from bot.errors import BotError
from storage import review
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicate,
    NearDuplicateState,
    ReviewAction,
    Verb,
    Vote,
    Wording,
)
from tests.teaching import TEAM, fresh_database, teach

MEMBER = Viewer.person(["C0OPS"])
PEOPLE = [Reviewer(name, MEMBER) for name in ("U0ALICE", "U0BOB", "U0GINA")]
OUTSIDE = Viewer.person([])

who = st.sampled_from(PEOPLE)
number = st.integers(0, 3)
audience = st.sampled_from([WORKSPACE, "C0OPS"])
decisions = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["approve", "reject", "confirm", "edit", "word"]), who, number),
        st.tuples(st.sampled_from(["merge", "settle", "apart"]), who, number),
        st.tuples(st.just("move"), who, number, audience),
    ),
    min_size=1,
    max_size=10,
)


def a_team(session: Session) -> list[Example]:
    """Four examples that ask the same, in all kinds of states, and their pairs."""
    taught = [
        teach(session, "Where is the spare key?", "On the hook."),
        teach(session, "The spare key is where?", "In the safe.", state=ExampleState.PROPOSED),
        teach(session, "Spare key, where?", "On the hook.", audience="C0OPS"),
        teach(session, "Where is that spare key?", "On the hook.", audience="C0OPS"),
    ]
    for example, user, value in ((taught[1], "U0CAROL", 1), (taught[3], "U0BOB", 1)):
        is_curator = user == "U0BOB"
        session.add(
            Vote(
                team_id=TEAM, key=f"{example.id}:{user}", example_id=example.id, user_id=user,
                value=value, by_curator=is_curator, order_key="1.000001",
            )
        )  # fmt: skip
    for example in taught:
        note_near_duplicates(session, example)
    return taught


def decide(session: Session, step: tuple, taught: list[Example], text: str) -> ReviewAction | None:
    verb, by, index, *more = step
    example = taught[index]
    pairs = session.exec(select(NearDuplicate).order_by(NearDuplicate.first_id)).all()
    pair = pairs[index % len(pairs)] if pairs else None
    try:
        if verb in ("approve", "reject", "confirm"):
            return getattr(verbs, verb)(session, TEAM, by, example.id)
        if verb == "edit":
            words = (example.question, text)
            return verbs.edit(session, TEAM, by, example.id, *words, example.revision)
        if verb == "word":
            return verbs.add_wording(session, TEAM, by, example.id, text)
        if verb == "move":
            return verbs.change_audience(session, TEAM, by, example.id, more[0])
        if pair is None:
            return None
        if verb == "apart":
            return verbs.keep_apart(session, TEAM, by, pair.id)
        return getattr(verbs, verb)(session, TEAM, by, pair.id, pair.first_id)
    except BotError:
        return None


def everything(session: Session) -> dict:
    """All that a decision may change, but for revision numbers and times of change."""
    session.flush()
    session.expire_all()
    decided = NearDuplicate.state != NearDuplicateState.OPEN
    return {
        "examples": [
            (e.id, e.question, e.answer, e.state, e.audience, e.merged_into, e.held_reason,
             e.reviewed_at)
            for e in session.exec(select(Example).order_by(Example.id))
        ],
        "wordings": sorted((w.example_id, w.text) for w in session.exec(select(Wording))),
        "votes": sorted((v.key, v.value) for v in session.exec(select(Vote))),
        "pairs": sorted(
            (p.first_id, p.second_id, p.state)
            for p in session.exec(select(NearDuplicate).where(decided))
        ),
        "waiting": review.counts(session, TEAM, MEMBER, review.stale_before(session, TEAM)),
    }  # fmt: skip


def check_nothing_crossed(session: Session, first_private: int) -> None:
    """What is for everybody was so from the start, or two members let it out."""
    for example in session.exec(select(Example).where(Example.audience == WORKSPACE)):
        if example.id >= first_private:
            moved = session.exec(
                select(ReviewAction).where(
                    ReviewAction.example_id == example.id,
                    ReviewAction.verb == Verb.CHANGE_AUDIENCE,
                )
            ).all()
            assert any(m.seconded_by not in (None, m.actor_id) for m in moved)
    hidden = {e.id for e in session.exec(select(Example).where(Example.audience == "C0OPS"))}
    for queue in review.OF_EXAMPLES:
        stale = review.stale_before(session, TEAM)
        shown = review.examples_in(session, TEAM, OUTSIDE, queue, stale)
        assert not hidden & {example.id for example in shown}
    assert review.widenings(session, TEAM, OUTSIDE) == []


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Iterator[Database]:
    database = fresh_database(tmp_path_factory.mktemp("undo"))
    yield database
    database.close()


@settings(
    max_examples=40, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)
@given(decisions)
def test_undoing_all_decisions_returns_to_what_was(database, steps):
    with Session(database.engine) as session:  # nothing is committed: each history begins anew
        taught = a_team(session)
        first_private = taught[2].id
        before = everything(session)
        made: dict[int, ReviewAction] = {}
        for count, step in enumerate(steps):
            action = decide(session, step, taught, f"In other words {count}.")
            if action is not None:
                made[action.id] = action
            session.flush()
            check_nothing_crossed(session, first_private)
        for action in sorted(made.values(), key=lambda action: -action.id):
            actor = next(person for person in PEOPLE if person.user_id == action.actor_id)
            undo(session, TEAM, actor, action.id)
            check_nothing_crossed(session, first_private)
        after = everything(session)
        session.rollback()

    assert after == before
