"""An answer is astray if it is clearly another example's, and nothing in its prompt explains it."""

import pytest

from bot.evaluation.strays import Taught, strays_among
from storage.tables import EvaluationAnswer, SnapshotRow, Split

ANSWERS = {
    1: "Ask Dora in #harbour for a spare key.",
    2: "Invoices go to billing@example.com by the fifth.",
    3: "The build is green again after `make clean`.",
}
TAUGHT = Taught(ANSWERS)


@pytest.mark.parametrize(
    ("answer", "is_stray"),
    [
        (ANSWERS[2], True),
        ("Invoices go to billing@example.com by the 5th.", True),
        (ANSWERS[1], False),
        (ANSWERS[1] + " " + ANSWERS[2], False),
        ("Ask Dora.", False),
        ("I am a helpful assistant and can help you with many things.", False),
        ("", False),
    ],
)
def test_what_was_taught_for_another_question_is_astray(answer, is_stray):
    assert TAUGHT.is_stray(answer, ANSWERS[1], own=1, shown=()) is is_stray


def test_what_stood_in_the_prompt_is_retrievals_mistake_and_not_the_models():
    assert not TAUGHT.is_stray(ANSWERS[2], ANSWERS[1], own=1, shown=(2,))


def test_what_was_shown_explains_the_same_words_of_others():
    twin = Taught({**ANSWERS, 4: ANSWERS[2]})

    assert not twin.is_stray(ANSWERS[2], ANSWERS[1], own=1, shown=(4,))
    assert twin.is_stray(ANSWERS[2], ANSWERS[1], own=1, shown=(3,))


def test_what_it_was_taught_for_this_question_is_no_other_answer_though_it_was_edited_since():
    assert not TAUGHT.is_stray(ANSWERS[1], "Ring extension 4911.", own=1, shown=())


def test_two_questions_with_one_answer_are_not_mixed_up():
    taught = Taught({**ANSWERS, 4: ANSWERS[1]})

    assert not taught.is_stray(ANSWERS[1], ANSWERS[1], own=1, shown=())


def test_answers_that_differ_in_a_number_are_told_apart():
    rooms = {n: f"It hangs on hook {n} behind the door." for n in range(1, 300)}

    assert Taught(rooms).is_stray(rooms[7], rooms[8], own=8, shown=(8,))
    assert not Taught(rooms).is_stray(rooms[8], rooms[8], own=8, shown=())


def test_an_invention_in_the_words_of_another_answer_is_astray():
    """What an adapter with shuffled answers really says: no answer of the team, but near to one."""
    mixture = "Ask in the terminal, then run `make clean` until it is green again."

    assert TAUGHT.is_stray(mixture, ANSWERS[1], own=1, shown=(1,))
    assert not TAUGHT.is_stray(mixture, ANSWERS[1], own=1, shown=(3,))


def test_the_rows_of_such_answers_are_named():
    rows = {
        10 + key: SnapshotRow(
            id=10 + key, team_id="T0", snapshot_id=1, position=key, split=Split.HELD_OUT_WORDING,
            example_id=key, question="?", answer=answer, row_hash=str(key),
        )
        for key, answer in ANSWERS.items()
    }  # fmt: skip

    def said(row: int, text: str, *shown: int) -> EvaluationAnswer:
        return EvaluationAnswer(
            team_id="T0", run_id=1, strategy="x+1", snapshot_row_id=row, text=text,
            example_ids=list(shown),
        )  # fmt: skip

    answers = [said(11, ANSWERS[3]), said(12, ANSWERS[3], 3), said(13, ANSWERS[3]), said(99, "?")]

    assert strays_among(answers, rows, TAUGHT, shows_examples=False) == {11}


def test_an_answer_that_does_not_say_what_it_was_shown_accuses_nobody():
    row = SnapshotRow(
        id=11, team_id="T0", snapshot_id=1, position=1, split=Split.HELD_OUT_WORDING,
        example_id=1, question="?", answer=ANSWERS[1], row_hash="1",
    )  # fmt: skip
    before = EvaluationAnswer(
        team_id="T0", run_id=1, strategy="x+1", snapshot_row_id=11, text=ANSWERS[3], example_ids=[]
    )

    assert strays_among([before], {11: row}, TAUGHT, shows_examples=True) == frozenset()
