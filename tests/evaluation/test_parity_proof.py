"""A version served otherwise than it was trained is found out, with the first difference."""

import json
from pathlib import Path

import pytest

from bot.evaluation.parity import first_difference

MESSAGES = [{"role": "user", "content": "Who?"}]


class Served:
    """An engine of one prompt."""

    def __init__(self, tokens: list[int], top: dict[int, float]) -> None:
        self.tokens, self.top = tokens, top

    def render(self, messages):
        assert messages == MESSAGES
        return "Who?"

    def tokenize(self, prompt):
        return self.tokens

    def first_token_log_probs(self, messages, *, adapter, top):
        assert adapter == "workspace-v1"
        return self.top


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "parity.json"
    top = {"5": -0.1, "9": -2.5}
    path.write_text(json.dumps([{"messages": MESSAGES, "tokens": [1, 2, 3], "top": top}]))
    return path


def test_what_agrees_is_proven(samples):
    served = Served([1, 2, 3], {5: -0.15, 9: -2.4, 7: -6.0})

    assert first_difference(served, "workspace-v1", samples) is None


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([1, 8, 3], "token 1 was 2 in training and is 8 in serving"),
        ([1, 2], "token 2 was 3 in training and is missing in serving"),
        ([1, 2, 3, 4], "token 3 was missing in training and is 4 in serving"),
    ],
)
def test_the_first_other_token_is_named(samples, tokens, words):
    served = Served(tokens, {5: -0.1})

    assert words in str(first_difference(served, "workspace-v1", samples))


def test_an_engine_that_never_begins_an_answer_proves_nothing(samples):
    difference = first_difference(Served([1, 2, 3], {}), "workspace-v1", samples)

    assert "answers none of the rows" in str(difference)


@pytest.mark.parametrize("top", [{5: -3.0, 9: -0.1}, {7: -0.1}])
def test_other_thoughts_are_named(samples, top):
    difference = first_difference(Served([1, 2, 3], top), "workspace-v1", samples)

    assert "the first word differ" in str(difference)


def test_a_trainer_that_wrote_nothing_down_proves_nothing(tmp_path):
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")

    for name in ("absent.json", "empty.json", "broken.json"):
        difference = first_difference(Served([], {}), "workspace-v1", tmp_path / name)
        assert "Train again" in str(difference)
