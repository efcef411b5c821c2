"""A curve promises no more than the measured runs support."""

import pytest

from bot.evaluation.learning_curve import Point, expect


def curve(examples: int) -> float:
    return 0.9 - 2.0 * examples**-0.5


def points(*sizes: int, half: float = 0.02) -> list[Point]:
    return [Point(n, curve(n), curve(n) - half, curve(n) + half) for n in sizes]


@pytest.mark.parametrize("measured", [[], points(20), points(20, 20), [Point(0, 0.5)]])
def test_one_size_of_data_is_no_curve(measured):
    assert expect(measured, 100) is None


def test_the_truth_lies_within_the_bounds_and_near_the_middle():
    found = expect(points(25, 50, 100, 200), 400)

    assert found.low <= curve(400) <= found.high
    assert found.mean == pytest.approx(curve(400), abs=0.02)
    assert found.high - found.low < 0.2


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_whichever_shape_the_truth_has_it_lies_within_the_bounds(exponent):
    def true(examples: int) -> float:
        return 0.8 - 1.2 * examples**-exponent

    measured = [Point(n, true(n), true(n) - 0.005, true(n) + 0.005) for n in (25, 400)]

    found = expect(measured, 100_000)

    assert found.low <= true(100_000) <= found.high


def test_a_second_training_on_the_same_rows_would_differ_however_sure_a_score_is():
    found = expect(points(100, 200, half=0.0001), 200)

    assert found.high - found.low > 0.03


def test_further_away_is_less_sure():
    near, far = (expect(points(25, 50, 100), n) for n in (120, 2000))

    assert far.high - far.low > near.high - near.low


def test_noisy_points_are_less_sure():
    sure, unsure = (expect(points(25, 50, 100, half=half), 200) for half in (0.02, 0.2))

    assert unsure.high - unsure.low > 2 * (sure.high - sure.low)


def test_points_off_the_curve_make_it_less_sure():
    straight = points(25, 50, 100, 200)
    bent = [*straight[:2], Point(100, 0.2, 0.18, 0.22), straight[3]]

    on, off = (expect(some, 400) for some in (straight, bent))
    assert off.high - off.low > 2 * (on.high - on.low)


def test_scores_stay_scores():
    found = expect([Point(10, 0.1, 0.0, 0.2), Point(20, 0.9, 0.8, 1.0)], 1000)

    assert 0.0 <= found.low <= found.mean <= found.high <= 1.0


def test_a_point_without_bounds_is_hardly_trusted():
    found = expect([Point(10, 0.4), Point(20, 0.5)], 40)

    assert found.high - found.low > 0.6
