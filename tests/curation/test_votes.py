"""What becomes of an example by its votes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.curation.votes import Decision, crowded, decide, state_of
from storage.rules import Rules
from storage.tables import HELD_BURST, ExampleState, Vote

CURATORS = {"bob", "alice"}


def votes(*cast: str) -> list[Vote]:
    """``"bob+"``, ``"bob-"``, ``"bob0"``, in the order of their casting."""
    signs = {"+": 1, "-": -1, "0": 0}
    return [
        Vote(
            team_id="T",
            key=f"{word}{number}",
            example_id=1,
            user_id=word[:-1],
            value=signs[word[-1]],
            by_curator=word[:-1] in CURATORS,
            order_key=f"{number:04d}",
        )
        for number, word in enumerate(cast)
    ]


@pytest.mark.parametrize(
    ("cast", "state"),
    [
        ("", ExampleState.WITHDRAWN),
        ("bob0", ExampleState.WITHDRAWN),
        ("carol+", ExampleState.PROPOSED),
        ("carol-", ExampleState.REJECTED),
        ("carol+ dave-", ExampleState.PROPOSED),
        ("bob+", ExampleState.APPROVED),
        ("bob+ carol-", ExampleState.APPROVED),
        ("bob- carol+", ExampleState.REJECTED),
        ("bob+ alice-", ExampleState.DISPUTED),
        ("bob+ alice0", ExampleState.APPROVED),
        ("bob+ bob-", ExampleState.REJECTED),
        ("bob- bob+", ExampleState.APPROVED),
        ("bob+ bob0", ExampleState.APPROVED),
        ("bob+ alice- bob-", ExampleState.REJECTED),
        ("carol+ bob0", ExampleState.PROPOSED),
    ],
)
def test_votes_give_a_state(cast, state):
    assert state_of(votes(*cast.split())) is state


@given(st.lists(st.sampled_from(["bob+", "bob-", "carol+", "carol-", "alice+", "alice0"])))
def test_the_order_of_rows_does_not_matter(cast):
    assert state_of(votes(*cast)) is state_of(votes(*cast)[::-1])


@given(st.lists(st.sampled_from(["carol+", "dave-", "erin+", "bob-", "alice-", "bob0"])))
def test_nothing_is_approved_without_a_curator(cast):
    assert state_of(votes(*cast)) is not ExampleState.APPROVED


@pytest.mark.parametrize(
    ("cast", "quorum", "state", "missing"),
    [
        ("bob+", 2, ExampleState.PROPOSED, 1),
        ("bob+ carol+", 2, ExampleState.PROPOSED, 1),
        ("bob+ alice+", 2, ExampleState.APPROVED, 0),
        ("bob+ bob+", 2, ExampleState.PROPOSED, 1),
        ("bob+ alice+ alice0", 2, ExampleState.APPROVED, 0),
        ("bob+ alice-", 3, ExampleState.DISPUTED, 2),
        ("carol+", 2, ExampleState.PROPOSED, 2),
    ],
)
def test_a_quorum_counts_curators_not_votes(cast, quorum, state, missing):
    assert decide(votes(*cast.split()), Rules(quorum=quorum)) == Decision(state, missing)


def test_private_examples_need_two_curators_where_the_rule_says_so():
    strict, cast = Rules(two_person=True), votes("bob+")

    assert decide(cast, strict, is_private=True).state is ExampleState.PROPOSED
    assert decide(cast, strict, is_private=False).state is ExampleState.APPROVED


def test_the_authors_own_vote_proposes_unless_self_votes_count():
    cast = votes("bob+")

    assert decide(cast, author_id="bob").state is ExampleState.PROPOSED
    assert decide(cast, Rules(self_votes=True), author_id="bob").state is ExampleState.APPROVED
    assert decide(votes("bob+", "alice+"), author_id="bob").state is ExampleState.APPROVED
    # Who says that their own answer is wrong is believed.
    assert decide(votes("alice+", "bob-"), author_id="bob").state is ExampleState.DISPUTED


def test_what_a_curator_types_is_no_self_vote():
    (typed,) = votes("bob+")
    typed.key = "form:1"

    assert decide([typed], author_id="bob").state is ExampleState.APPROVED


@pytest.mark.parametrize(
    ("cast", "burst", "state", "held"),
    [
        ("bob+", {"bob+0"}, ExampleState.PROPOSED, HELD_BURST),
        ("carol+", {"carol+0"}, ExampleState.PROPOSED, HELD_BURST),
        ("bob-", {"bob-0"}, ExampleState.PROPOSED, HELD_BURST),
        # What others approved stays in use while a flood of ❌ waits.
        ("alice+ bob-", {"bob-1"}, ExampleState.APPROVED, HELD_BURST),
        ("bob+ bob-", {"bob-1"}, ExampleState.APPROVED, HELD_BURST),
        # Another curator has looked at it since.
        ("bob+ alice+", {"bob+0"}, ExampleState.APPROVED, None),
        ("bob+ alice-", {"bob+0"}, ExampleState.REJECTED, None),
        ("bob+ carol+", {"carol+1"}, ExampleState.APPROVED, None),
        ("bob+ bob0", {"bob+0"}, ExampleState.PROPOSED, HELD_BURST),
    ],
)
def test_votes_of_a_burst_wait_for_another_curator(cast, burst, state, held):
    decision = decide(votes(*cast.split()), in_burst=burst)

    assert (decision.state, decision.held_reason) == (state, held)


def test_a_crowd_is_found_wherever_it_stands():
    assert crowded([0, 1, 2], 3, 10) == set()
    assert crowded([0, 100, 101, 102, 500], 2, 10) == {1, 2, 3}
    assert crowded([0, 6, 12, 18], 1, 6) == {0, 1, 2, 3}
    assert crowded([], 1, 6) == set()


@given(
    st.lists(
        st.sampled_from(["bob+", "bob-", "alice+", "alice-", "carol+", "carol-", "carol0"]),
        max_size=8,
    ),
    st.sets(st.integers(0, 7)),
    st.integers(1, 3),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_order_and_rules_aside_the_same_votes_decide_the_same(cast, burst, quorum, own, random):
    rows = votes(*cast)
    keys = {row.key for at, row in enumerate(rows) if at in burst}
    rules = Rules(quorum=quorum, self_votes=own)
    expected = decide(rows, rules, author_id="bob", in_burst=keys)

    random.shuffle(rows)

    assert decide(rows, rules, author_id="bob", in_burst=keys) == expected
    approving = {row.user_id for row in rows if row.value == 1 and row.by_curator}
    assert expected.state is not ExampleState.APPROVED or len(approving) >= quorum
