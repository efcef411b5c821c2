"""The interval covers the truth as often as it says, also when questions hang together."""

import numpy as np
import pytest

from bot.evaluation.intervals import interval_of


def test_the_mean_lies_inside_its_interval():
    interval = interval_of([0.1, 0.5, 0.9, 0.3, 0.7], [1, 2, 3, 4, 5])

    assert interval.mean == pytest.approx(0.5)
    assert interval.low < 0.5 < interval.high


def test_the_same_scores_give_the_same_interval():
    assert interval_of([0.1, 0.9, 0.4], "abc") == interval_of([0.1, 0.9, 0.4], "abc")


def test_wordings_of_one_fact_add_no_certainty():
    scores = [0.0, 1.0, 0.2, 0.8, 0.5, 0.4, 0.9, 0.1]

    once = interval_of(scores, range(8))
    thrice = interval_of(scores * 3, [*range(8)] * 3)

    assert thrice.low == pytest.approx(once.low, abs=0.02)
    assert thrice.high == pytest.approx(once.high, abs=0.02)


def test_one_fact_has_no_bounds():
    interval = interval_of([0.4, 0.6], ["only", "only"])

    assert (interval.low, interval.high) == (-float("inf"), float("inf"))


@pytest.mark.parametrize("values", [[], [float("nan"), 0.2], [float("inf"), 0.2]])
def test_what_is_no_number_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        interval_of(values, range(len(values)))


@pytest.mark.parametrize(("facts", "wordings"), [(10, 1), (10, 3), (30, 2)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(facts, wordings):
    random = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        fact = random.normal(0.1, 0.3, size=facts).repeat(wordings)
        scores = fact + random.normal(0, 0.05, size=len(fact))
        interval = interval_of(scores.tolist(), np.arange(facts).repeat(wordings).tolist())
        covered += interval.low <= 0.1 <= interval.high

    assert covered / 200 >= 0.9
