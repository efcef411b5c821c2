"""Token F1 forgives case and punctuation, but not another number, command or link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.metrics import token_f1, tokens_of


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("Ask the desk.", "ask desk"),
        ("It’s on the wiki!", "it's on wiki"),
        ("Run `git push --force`.", "run git push --force"),
        ("**10,000** euros", "10000 euros"),
        ("See https://wiki.example/a?b=1.", "see https://wiki.example/a?b=1"),
        ("caf\u0065\u0301", "caf\u00e9"),
    ],
)
def test_the_same_answer_in_another_dress_scores_one(answer, reference):
    assert token_f1(answer, reference) == 1.0


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("3.5", "35"),
        ("10:30", "1030"),
        ("--force", "force"),
        ("/etc/hosts", "etc/hosts"),
        ("#help", "help"),
        ("https://a.example/1", "https://a.example/2"),
        ("v1.2", "v12"),
        ("", "yes"),
        ("the", "yes"),
    ],
)
def test_another_fact_scores_nothing(answer, reference):
    assert token_f1(answer, reference) == 0.0


def test_half_the_words_score_by_precision_and_recall():
    assert token_f1("hook seven", "hook seven behind door") == pytest.approx(2 / 3)
    assert token_f1("hook hook hook", "hook") == pytest.approx(0.5)


def test_two_empty_answers_agree():
    assert token_f1("", "...") == 1.0


def test_languages_without_spaces_are_compared_by_character():
    assert tokens_of("受付です") == ["受", "付", "で", "す"]


@given(st.text(), st.text())
def test_it_is_symmetric_and_between_zero_and_one(left, right):
    score = token_f1(left, right)

    assert 0.0 <= score <= 1.0
    assert score == token_f1(right, left)
