"""What a file brings twice in other words is flagged for people, and never dropped."""

from collections.abc import Iterator

from sqlmodel import select

from bot.dataset import flagging
from bot.dataset.accepting import Rules
from bot.dataset.flagging import flag_near_duplicates
from bot.dataset.importing import Order, Report, import_rows
from bot.dataset.record import Record, Row
from storage.audience import Viewer
from storage.near_duplicates import open_pairs
from storage.tables import Example
from tests.teaching import TEAM, fresh_database, teach

EVERYBODY = Viewer.person(())
SAME = ("How do I open the door of the cellar?", "The door of the cellar, how do I open it?")


def rows(*questions: str) -> Iterator[Row]:
    for number, question in enumerate(questions, start=1):
        yield Row(number, Record(question, "With the brass key."))


def bring_in(database, *questions: str) -> Report:
    order = Order("it", Rules(lambda text: (text, [])), "operator")
    return import_rows(database, TEAM, EVERYBODY, rows(*questions), order, flag_near_duplicates)


def test_what_asks_the_same_is_kept_and_shown_as_a_pair(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        teach(session, SAME[0], "With the brass key, on the left.")

    report = bring_in(database, SAME[1], "Where is the map?")

    with database.read() as session:
        kept = set(session.exec(select(Example.question)))
        [(_, first, second)] = open_pairs(session, TEAM, EVERYBODY)
    assert (report.new, report.near_duplicates, report.not_compared) == (2, 1, 0)
    assert kept == {*SAME, "Where is the map?"}
    assert {first.question, second.question} == set(SAME)
    database.close()


def test_of_a_large_file_it_is_said_how_many_were_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(flagging, "COMPARED", 1)
    database = fresh_database(tmp_path)

    report = bring_in(database, "Where is the map?", *SAME, "Who has the boat?")

    assert (report.new, report.near_duplicates, report.not_compared) == (4, 0, 3)
    database.close()
