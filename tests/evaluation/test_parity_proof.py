"""A version served otherwise than it was trained is found out, with the first difference."""

import json
from pathlib import Path

import pytest

from bot.engines.client import Beginning, FirstToken
from bot.evaluation.parity import PROVEN, Parity, Sample, prove, samples_at, samples_in

MESSAGES = [{"role": "user", "content": "Who?"}]
SAMPLES = [Sample(MESSAGES, [1, 2, 3], {5: -0.1, 9: -2.5})]


class Served:
    """An engine of one prompt."""

    def __init__(self, tokens, top: dict[int, float] | None, count: int | None = None) -> None:
        first = None if top is None else [FirstToken(t, "", value) for t, value in top.items()]
        self._says = Beginning(tokens, count, first)

    def beginning(self, messages, *, adapter, top):
        assert (messages, adapter) == (MESSAGES, "workspace-v1")
        return self._says


def of(*served, samples=SAMPLES, **options) -> Parity:
    return prove(Served(*served, **options), "workspace-v1", samples)


def test_what_agrees_is_proven():
    assert of([1, 2, 3], {5: -0.15, 9: -2.4, 7: -6.0}) == PROVEN


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([1, 8, 3], "token 1 was 2 in training and is 8 in serving"),
        ([1, 2], "token 2 was 3 in training and is missing in serving"),
        ([1, 2, 3, 4], "token 3 was missing in training and is 4 in serving"),
    ],
)
def test_the_first_other_token_is_named(tokens, words):
    assert words in str(of(tokens, {5: -0.1}).difference)


def test_an_engine_that_never_begins_an_answer_proves_nothing():
    assert "answers none of the rows" in str(of([1, 2, 3], {}).difference)


@pytest.mark.parametrize("top", [{5: -3.0, 9: -0.1}, {7: -0.1}, {5: float("nan")}])
def test_other_thoughts_are_named(top):
    assert "the first word differ" in str(of([1, 2, 3], top).difference)


def test_of_a_server_that_counts_alone_the_number_and_the_thoughts_are_compared():
    agreeing = {5: -0.15, 9: -2.4}

    assert of(None, agreeing, count=3) == PROVEN
    assert "3 tokens in training are 5 in serving" in str(of(None, agreeing, count=5).difference)
    assert "differ by" in str(of(None, {5: -3.0, 9: -0.1}, count=3).difference)


@pytest.mark.parametrize(
    ("top", "count", "words"),
    [
        ({5: -0.1, 9: -2.5}, None, "does not say how many tokens it reads"),
        (None, 3, "does not say how likely its first words are"),
        (None, None, "does not say how many tokens it reads"),
    ],
)
def test_a_server_that_does_not_tell_is_neither_proven_nor_accused(top, count, words):
    found = of(None, top, count=count)

    assert found.difference is None
    assert words in str(found.unproven)


def test_one_row_of_which_nothing_is_said_is_enough_not_to_be_proven():
    class Forgetful:
        def __init__(self) -> None:
            self.says = [Beginning([1, 2, 3], 3, [FirstToken(5, "", -0.1)]), Beginning(None, 3)]

        def beginning(self, messages, *, adapter, top):
            return self.says.pop(0)

    assert prove(Forgetful(), "workspace-v1", SAMPLES * 2).unproven


def test_a_trainer_that_wrote_nothing_down_proves_nothing(tmp_path: Path):
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")

    for name in ("absent.json", "empty.json", "broken.json"):
        found = of([], {}, samples=samples_at(tmp_path / name))
        assert "Train again" in str(found.difference)


@pytest.mark.parametrize(
    "written",
    [
        "<html>", "null", "7", '{"messages": 1}', "[1]", '[{"messages": [], "tokens": []}]',
        '[{"messages": [{"role": "user"}], "tokens": [1], "top": {"5": -1}}]',
        '[{"messages": [], "tokens": ["x"], "top": {"5": -1}}]',
        '[{"messages": [], "tokens": [1], "top": {"5": 0.3}}]',
        '[{"messages": [], "tokens": [1], "top": {"5": NaN}}]',
        '[{"messages": [], "tokens": [1], "top": {}}]',
    ],
)  # fmt: skip
def test_what_is_no_sample_is_none(written):
    assert samples_in(written.encode()) == []


def test_a_sample_is_read_as_it_was_written():
    written = {"messages": MESSAGES, "tokens": [1, 2, 3], "top": {"5": -0.1, "9": -2.5}}

    assert samples_in(json.dumps([written]).encode()) == SAMPLES
