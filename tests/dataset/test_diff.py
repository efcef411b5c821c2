"""Two snapshots compared, in words."""

from bot.dataset.diff import TOLD, diff_rows
from storage.tables import SnapshotRow, Split


def row(example_id: int, question="Where?", answer="Here.", split=Split.TRAIN, erased=False):
    return SnapshotRow(
        team_id="T0DEMO", snapshot_id=1, position=0, split=split, example_id=example_id,
        question=question, context=[], answer=answer, question_source="authored",
        answer_source="authored", row_hash="", erased=erased,
    )  # fmt: skip


def test_the_same_rows_are_no_change():
    assert diff_rows([row(1)], [row(1)]).sentences() == ["Nothing has changed."]


def test_each_kind_of_change_is_said():
    before = [row(1), row(2), row(3), row(4), row(5), row(6), row(7)]
    after = [
        row(1, answer="There."),
        row(2, question="Where then?"),
        row(3),
        row(3, "Whither?", split=Split.HELD_OUT_WORDING),
        row(4, split=Split.VALIDATION),
        row(5, "", "", erased=True),
        row(7),
        row(8, "Who?"),
    ]

    assert diff_rows(before, after).sentences() == [
        "Example 1, “Where?”, has another answer: “Here.” is now “There.”.",
        "Example 2 is asked in other words: “Where?” is now “Where then?”.",
        "Example 3 has one more wording: “Whither?”.",
        "Example 4 moved from train to validation.",
        "Example 5 was erased.",
        "Example 6 was taken out: “Where?”.",
        "Example 8 was added: “Who?”.",
    ]


def test_many_changes_of_a_kind_are_counted():
    said = diff_rows([], [row(number) for number in range(50)]).sentences()

    assert len(said) == TOLD + 1
    assert said[-1] == "… and 30 more of the kind “added”."
