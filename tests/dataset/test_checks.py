"""What cannot be trained is refused with a sentence that names the example."""

import pytest

from bot.dataset.checks import FEWEST_EXAMPLES, check_rows
from bot.dataset.errors import (
    EmptyExampleError,
    ExampleTooLongError,
    LeakageError,
    NotEnoughExamplesError,
)
from storage.tables import SnapshotRow, Split


def row(example_id: int, question: str = "where?", answer: str = "here", split=Split.TRAIN):
    return SnapshotRow(
        team_id="T0DEMO",
        snapshot_id=1,
        position=0,
        split=split,
        example_id=example_id,
        question=question,
        context=[],
        answer=answer,
        question_source="authored",
        answer_source="authored",
        row_hash="",
    )


def words(row: SnapshotRow) -> int:
    return len(f"{row.question} {row.answer}".split())


ENOUGH = [row(number, f"where is {number}?") for number in range(FEWEST_EXAMPLES)]


def test_enough_short_examples_pass():
    check_rows(ENOUGH, words, limit=100)


def test_too_few_examples_say_how_many_were_found_and_needed_and_left_out():
    with pytest.raises(NotEnoughExamplesError) as refusal:
        check_rows([row(1), row(1, "again?"), row(2)], words, 100, left_out=4)

    assert (refusal.value.found, refusal.value.needed) == (2, FEWEST_EXAMPLES)
    assert "4 more were left out" in str(refusal.value)


def test_held_out_rows_do_not_count_as_examples_to_train_on():
    with pytest.raises(NotEnoughExamplesError):
        check_rows([row(n, split=Split.HELD_OUT_WORDING) for n in range(50)], words, 100)


@pytest.mark.parametrize(
    ("question", "answer", "part"), [(" \n", "x", "question"), ("x", "", "answer")]
)
def test_an_empty_example_is_named(question, answer, part):
    with pytest.raises(EmptyExampleError) as refusal:
        check_rows([*ENOUGH, row(77, question, answer)], words, 100)

    assert (refusal.value.example_id, refusal.value.part) == (77, part)


def test_an_example_that_exceeds_the_context_is_named_with_its_size():
    with pytest.raises(ExampleTooLongError) as refusal:
        check_rows([*ENOUGH, row(78, "How?", "word " * 150)], words, 100)

    assert (refusal.value.example_id, refusal.value.tokens, refusal.value.limit) == (78, 151, 100)
    assert "“How?”" in str(refusal.value)


def test_a_question_that_is_trained_and_held_out_is_refused():
    with pytest.raises(LeakageError) as refusal:
        check_rows([*ENOUGH, row(79, "Where is 3", split=Split.VALIDATION)], words, 100)

    assert refusal.value.example_ids == [79]


def test_what_somebody_should_look_at_is_counted():
    again = [row(80, "where is 3"), row(81, "where is 4?", "there")]

    assert check_rows([*ENOUGH, *again], words, 100) == {"duplicate": 1, "contradiction": 1}
    assert check_rows(ENOUGH, words, 100) == {}
