"""A version is taken back for a reason that is its own, and for nothing less."""

import numpy as np
import pytest

from bot.evaluation.health import FEWEST_FAILURES, Limits, Record, what_is_wrong
from bot.evaluation.sequential import Votes

FINE = Record((2.0,) * 30, Votes(80, 20))


def test_what_fares_as_before_is_left_alone():
    assert what_is_wrong(FINE, FINE, Limits()) is None
    assert what_is_wrong(Record(), Record(), Limits()) is None


def test_failing_answers_are_a_reason():
    failing = Record((None,) * 6 + (2.0,) * 14)

    assert what_is_wrong(failing, FINE, Limits()) == (
        "the engine failed in 6 of its last 20 answers"
    )


def test_an_engine_that_failed_before_too_is_not_the_versions_fault():
    failing = Record((None,) * 6 + (2.0,) * 14)

    assert what_is_wrong(failing, failing, Limits()) is None


def test_few_failures_are_no_reason_however_great_their_share():
    assert what_is_wrong(Record((None,) * (FEWEST_FAILURES - 1)), FINE, Limits()) is None


def test_failures_of_long_ago_are_forgotten():
    assert what_is_wrong(Record((2.0,) * 20 + (None,) * 20), FINE, Limits()) is None


def test_waiting_much_longer_is_a_reason():
    wrong = what_is_wrong(Record((9.0,) * 10), FINE, Limits())

    assert wrong == "its answers take 9.0 seconds, and 2.0 would be usual (medians)"


@pytest.mark.parametrize(
    ("now", "before"),
    [((9.0,) * 9, (2.0,) * 30), ((5.9,) * 30, (2.0,) * 30), ((1.6,) * 30, (0.1,) * 30),
     ((9.0,) * 5 + (2.0,) * 6, (2.0,) * 30)],
)  # fmt: skip
def test_few_answers_or_a_wait_nobody_notices_or_single_slow_ones_are_none(now, before):
    assert what_is_wrong(Record(now), Record(before), Limits()) is None


def test_a_drop_in_feedback_beyond_chance_is_a_reason():
    wrong = what_is_wrong(Record(votes=Votes(5, 25)), Record(votes=Votes(90, 10)), Limits())

    assert wrong == ("people liked it in 5 of 30 conversations, and what was before in 90 of 100")


def test_a_drop_that_chance_explains_or_too_small_a_one_is_none():
    assert what_is_wrong(Record(votes=Votes(6, 4)), Record(votes=Votes(8, 2)), Limits()) is None
    small = Record(votes=Votes(8500, 1500)), Record(votes=Votes(9000, 1000))
    assert what_is_wrong(*small, Limits()) is None
    assert what_is_wrong(*small, Limits(feedback_drop=0.01)) is not None


@pytest.mark.parametrize(("rate", "past"), [(0.5, 40), (0.85, 200)])
def test_looking_after_every_vote_seldom_blames_a_version_that_is_as_good(rate, past):
    random = np.random.default_rng(7)

    blamed = sum(is_ever_blamed(random, rate, past) for _ in range(300))

    assert blamed / 300 <= 0.05


def is_ever_blamed(random: np.random.Generator, rate: float, past: int) -> bool:
    """One promotion after so many votes on what was before, looked at after each of 300 more."""
    liked_before = int(random.binomial(past, rate))
    before = Record(votes=Votes(liked_before, past - liked_before))
    good = 0
    for number, is_good in enumerate(random.random(300) < rate, 1):
        good += int(is_good)
        now = Record(votes=Votes(good, number - good))
        if what_is_wrong(now, before, Limits()):
            return True
    return False


def test_zero_turns_each_rule_off():
    off = Limits(0, 0, 0)

    assert what_is_wrong(Record((None,) * 20), FINE, off) is None
    assert what_is_wrong(Record((99.0,) * 20, Votes(0, 99)), FINE, off) is None
