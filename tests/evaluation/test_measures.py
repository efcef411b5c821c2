"""What is measured of an answer besides token F1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.measures import (
    OWN_MACHINE,
    TokenPrices,
    exact_facts,
    facts_right,
    measures_of,
    prices_of,
    rouge_l,
)
from bot.evaluation.metrics import token_f1
from storage.tables import EvaluationAnswer, SnapshotRow, Split


def test_rouge_l_wants_the_words_in_order():
    assert rouge_l("open the door, then knock", "Open door then knock.") == 1.0
    assert rouge_l("knock then open door", "open door then knock") == pytest.approx(0.5)
    assert token_f1("knock then open door", "open door then knock") == 1.0


@given(st.text("ab c", max_size=12), st.text("ab c", max_size=12))
def test_rouge_l_is_symmetric_and_never_above_token_f1(one, other):
    assert rouge_l(one, other) == rouge_l(other, one)
    assert 0 <= rouge_l(one, other) <= token_f1(one, other) + 1e-9


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("It costs 40 euros.", ["40"]),
        ("Run `make deploy` twice.", ["make deploy"]),
        ("See https://wiki.example/a?b=1.", ["https://wiki.example/a?b=1"]),
        ("Ask Grace Hopper in #help-it.", ["grace hopper", "#help-it"]),
        ("Mail it@example.com, or use --force.", ["it@example.com", "--force"]),
        ("Then I ask. Nobody knows.", []),
        ("", []),
    ],
)
def test_facts_are_what_has_to_be_right_to_the_letter(text, facts):
    assert exact_facts(text) == facts


def test_a_fact_counts_only_whole():
    reference = "It is room 12, call 4711."

    assert facts_right("Room 12: call 4711!", reference) == 1.0
    assert facts_right("Room 120, call 4711", reference) == 0.5
    assert facts_right("No idea.", reference) == 0.0
    assert facts_right("Anything.", "It is over there.") is None


def row(row_id: int, answer: str, split: Split = Split.HELD_OUT_WORDING) -> SnapshotRow:
    return SnapshotRow(
        id=row_id, team_id="T", snapshot_id=1, position=row_id, split=split, example_id=row_id,
        question="?", answer=answer, question_source="authored", answer_source="authored",
        row_hash="",
    )  # fmt: skip


def answer(row_id: int, text: str, seconds: float = 1.0) -> EvaluationAnswer:
    return EvaluationAnswer(
        team_id="T", run_id=1, strategy="base+0", snapshot_row_id=row_id, text=text, f1=0.5,
        prompt_tokens=1000, answer_tokens=100, seconds=seconds,
    )  # fmt: skip


def test_one_strategy_s_figures():
    rows = {
        1: row(1, "Room 12."),
        2: row(2, "Over there."),
        3: row(3, "Room 14."),
        4: row(4, "Unseen.", Split.HELD_OUT_QUESTION),
    }
    answers = [
        answer(1, "Room 12.", 1.0),
        answer(2, "I don't know.", 2.0),
        answer(3, "Room 13.", 60.0),
        answer(4, "I don't know."),
    ]

    found = measures_of(answers, rows, {1: 1, 2: 2, 3: 3}, TokenPrices(0.8, 3.2))

    assert (found["facts"], found["facts_of"]) == (0.5, 2)
    assert (found["abstained_wrong"], found["abstained_wrong_of"]) == (pytest.approx(1 / 3), 3)
    assert (found["abstained_right"], found["abstained_right_of"]) == (1.0, 1)
    assert found["rouge_l"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["rouge_l_low"] < found["rouge_l"] < found["rouge_l_high"]
    assert found["seconds"] == 2.0  # one slow answer is not the usual one
    assert found["dollars_per_1000"] == pytest.approx(0.8 + 0.32)


def test_what_is_not_known_is_left_open():
    rows = {1: row(1, "Over there.")}

    found = measures_of([answer(1, "Over there.")], rows, {1: 1}, None)

    assert found["dollars_per_1000"] is None
    assert found["f1_low"] is None  # one fact says nothing about the next
    assert "facts" not in found
    assert "abstained_right" not in found


def test_without_wordings_only_abstention_is_measured():
    rows = {4: row(4, "Unseen.", Split.HELD_OUT_QUESTION)}

    found = measures_of([answer(4, "It is blue.")], rows, {}, OWN_MACHINE)

    assert found == {"abstained_right": 0.0, "abstained_right_of": 1}


def test_prices_are_read_from_the_setting():
    assert prices_of("0.80/3.20") == TokenPrices(0.8, 3.2)
    assert prices_of("") is None
