"""Each thing that spoils a training run is found, with its row and what to do about it."""

import pytest

from bot.dataset.checks.examining import Examination, Item, spread
from bot.dataset.checks.findings import LISTED, Level
from storage.tables import Split


def words(item: Item) -> int:
    return len(f"{item.question} {item.answer}".split())


def examine(*items: Item, limit: int = 50, is_file: bool = True) -> Examination:
    examination = Examination(words, limit)
    for item in items:
        examination.look_at(item)
    examination.conclude(is_file=is_file)
    return examination


def kinds(examination: Examination) -> list[tuple[str, str, int | None]]:
    return [(str(f.level), f.kind, f.row) for f in examination.findings.listed]


SYSTEM = ({"role": "system", "content": "Be brief."},)
GOOD = Item(1, "Where is the key?", "On hook 3.")


def test_nothing_is_found_in_good_rows():
    assert kinds(examine(GOOD, Item(2, "Where is the map?", "On the wall."))) == []


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (Item(2, "where is the KEY", "on hook 3"), ("warning", "duplicate", 2)),
        (Item(2, "where is the KEY", "On hook 4."), ("warning", "contradiction", 2)),
        (Item(2, "", "On hook 4."), ("error", "empty", 2)),
        (Item(2, "Who?", " \n"), ("error", "empty", 2)),
        (Item(2, "Who?", "👍"), ("warning", "no_words", 2)),
        (Item(2, "Who?", "Ask <@U0BOB>."), ("warning", "markup", 2)),
        (Item(2, "Who?", "word " * 60), ("error", "too_long", 2)),
        (Item(2, "Who?", "Bob.", SYSTEM), ("warning", "system", None)),
        (Item(2, "where is the key", "x", split=Split.VALIDATION), ("error", "leakage", 2)),
        (Item(2, "where is the key", "x", split=Split.HELD_OUT_WORDING), ("error", "leakage", 2)),
    ],
)
def test_what_is_wrong_is_found_with_its_row_and_a_way_out(second, found):
    examination = examine(GOOD, second)

    assert kinds(examination) == [found]
    assert examination.findings.errors == (found[0] == Level.ERROR)
    assert all(f.what and f.todo for f in examination.findings.listed)


def test_the_order_of_splits_hides_no_leak():
    leak = Item(2, "where is the key", "x", split=Split.HELD_OUT_QUESTION)

    assert kinds(examine(leak, GOOD)) == [("error", "leakage", 2)]


def test_the_same_question_in_another_talk_is_no_contradiction():
    before = ({"role": "user", "content": "About room 4:"},)

    assert kinds(examine(GOOD, Item(2, GOOD.question, "On hook 4.", before))) == []


def test_many_findings_of_a_kind_are_counted_and_few_are_listed():
    examination = examine(*(Item(n, f"q{n}", "") for n in range(100)))

    assert len(examination.findings.listed) == LISTED
    assert examination.findings.counts["empty"] == examination.findings.errors == 100


def test_the_percentiles_are_what_they_are_called():
    assert spread(range(1, 102)) == {
        "total": 5151, "least": 1, "median": 51, "p90": 91, "most": 101,
    }  # fmt: skip
    assert spread([])["most"] == 0
