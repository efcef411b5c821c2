"""A canary is decided by evidence that may be looked at after every vote."""

from itertools import pairwise
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.sequential import (
    ALPHA,
    FEWEST_VOTES,
    CanaryVerdict,
    Votes,
    e_value,
    judge_canary,
)

COUNTS = st.integers(0, 10_000)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_evidence_is_a_positive_number_and_the_same_from_both_sides(a, b, c, d):
    one, other = Votes(a, b), Votes(c, d)

    assert isfinite(e_value(one, other))
    assert e_value(one, other) > 0
    assert e_value(one, other) == e_value(other, one)


def test_no_votes_are_no_evidence():
    assert e_value(Votes(), Votes()) == 1.0
    assert judge_canary(Votes(), Votes()) is CanaryVerdict.GO_ON


def test_few_votes_decide_nothing_however_clear():
    few = FEWEST_VOTES - 1

    assert judge_canary(Votes(good=few), Votes(bad=1000)) is CanaryVerdict.GO_ON
    assert judge_canary(Votes(bad=few), Votes(good=1000)) is CanaryVerdict.GO_ON


def test_a_clear_difference_is_decided_the_right_way():
    assert judge_canary(Votes(5, 25), Votes(100, 20)) is CanaryVerdict.ROLL_BACK
    assert judge_canary(Votes(29, 1), Votes(40, 60)) is CanaryVerdict.PROMOTE


def test_the_evidence_is_what_the_formula_says():
    # Rates of their own: 1/3 and 1/3; one rate for both, a half: 1/16.
    assert e_value(Votes(2, 0), Votes(0, 2)) == pytest.approx(16 / 9)
    assert e_value(Votes(1, 0), Votes(1, 0)) == pytest.approx(1 / 4)


def test_evidence_of_eleven_goes_on_and_of_twenty_two_decides():
    """The bound is 1/0.05; a canary that is as good is seldom ended under a looser one, too."""
    assert judge_canary(Votes(13, 0), Votes(6, 7)) is CanaryVerdict.GO_ON
    assert judge_canary(Votes(15, 0), Votes(7, 8)) is CanaryVerdict.PROMOTE
    assert judge_canary(Votes(7, 8), Votes(15, 0)) is CanaryVerdict.ROLL_BACK


@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_looking_after_every_vote_seldom_ends_a_canary_that_is_as_good(rate):
    random = np.random.default_rng(11)

    ended = sum(is_ever_decided(random, rate, rate) for _ in range(200))

    assert ended / 200 <= ALPHA


def test_a_much_worse_candidate_is_found_out_soon():
    random = np.random.default_rng(12)

    assert sum(is_ever_decided(random, 0.4, 0.85) for _ in range(50)) >= 45


def test_more_of_the_same_votes_are_more_evidence():
    evidence = [e_value(Votes(n, 3 * n), Votes(3 * n, n)) for n in range(2, 40)]

    assert all(later > earlier for earlier, later in pairwise(evidence))


def is_ever_decided(random: np.random.Generator, candidate: float, live: float) -> bool:
    """One canary with a fifth of 400 votes, looked at after each."""
    counts = np.zeros((2, 2), dtype=int)
    for is_candidate, luck in zip(random.random(400) < 0.2, random.random(400), strict=True):
        rate = candidate if is_candidate else live
        counts[int(is_candidate), int(luck >= rate)] += 1
        votes = Votes(*map(int, counts[1])), Votes(*map(int, counts[0]))
        if judge_canary(*votes) is not CanaryVerdict.GO_ON:
            return True
    return False
