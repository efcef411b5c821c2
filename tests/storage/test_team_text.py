"""The last gate before the disk: no path writes a secret, whatever verb forgot to redact."""

from pathlib import Path

import pytest
from sqlmodel import SQLModel, select

from storage import outbox, revisions
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import (
    Example,
    OutboxMessage,
    Revision,
    RevisionReason,
    Unanswered,
    Vote,
    Wording,
)
from storage.team_text import TEAM_TEXT
from tests.teaching import TEAM, fresh_database, teach

SECRET = "swordfish"


@pytest.fixture
def database(tmp_path: Path):
    database = fresh_database(tmp_path, lambda text: text.replace(SECRET, "[password]"))
    yield database
    database.close()


def test_a_new_row_and_a_changed_one_are_redacted(database: Database, tmp_path: Path):
    with database.write() as session:
        example = teach(session, f"Q {SECRET}", f"A {SECRET}", held_out=(f"W {SECRET}",))
    with database.write() as session:
        row = session.get_one(Example, example.id)
        row.answer = f"B {SECRET}"
        row.context = [{"role": "user", "content": f"C {SECRET}"}]

    with database.read() as session:
        kept = session.exec(select(Example)).one()
        assert (kept.question, kept.answer) == ("Q [password]", "B [password]")
        assert kept.context == [{"role": "user", "content": "C [password]"}]
        assert session.exec(select(Wording)).one().text == "W [password]"
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in files


def test_whatever_people_say_of_an_example_is_redacted(database: Database, tmp_path: Path):
    with database.write() as session:
        example = teach(session, "Q", "A")
        example.original_answer, example.tags = f"O {SECRET}", [f"t {SECRET}"]
        example.proposal = {"question": f"P {SECRET}", "context": [{"content": SECRET}]}
        session.flush()
        reason = Vote(
            team_id=TEAM, key="k", example_id=example.id, user_id="U0BOB", value=-1,
            by_curator=True, order_key="1", reason=f"R {SECRET}",
        )  # fmt: skip
        asked = Unanswered(team_id=TEAM, audience=WORKSPACE, topic="t", text=f"U {SECRET}")
        session.add_all([reason, asked])
        revisions.change(session, example, "U0BOB", RevisionReason.EDITED, answer=f"B {SECRET}")

    with database.read() as session:
        kept = session.exec(select(Example)).one()
        assert (kept.original_answer, kept.tags) == ("O [password]", ["t [password]"])
        assert kept.proposal == {"question": "P [password]", "context": [{"content": "[password]"}]}
        assert session.exec(select(Vote)).one().reason == "R [password]"
        assert session.exec(select(Unanswered)).one().text == "U [password]"
        assert session.exec(select(Revision).where(Revision.number == 2)).one().answer[0] == "B"
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in files


def test_a_message_s_words_are_redacted_and_its_buttons_left_alone(database: Database):
    button = {"type": "button", "text": {"type": "plain_text", "text": SECRET}, "value": SECRET}

    with database.write() as session:
        outbox.put(session, TEAM, "k", channel_id="C", text=SECRET, blocks=[button])

    with database.read() as session:
        row = session.exec(select(OutboxMessage)).one()
    assert row.text == "[password]"
    assert row.blocks == [
        {**button, "text": {"type": "plain_text", "text": "[password]"}, "value": SECRET}
    ]


def test_every_column_that_is_named_is_there():
    for table, columns in TEAM_TEXT.items():
        assert set(columns) <= set(SQLModel.metadata.tables[table].columns.keys())


def test_an_error_of_the_database_shows_nothing_of_what_was_to_be_written(database: Database):
    def twice() -> None:
        with database.write() as session:
            session.add_all([Wording(team_id=TEAM, example_id=999, text="tell nobody")])

    with pytest.raises(Exception, match="FOREIGN KEY") as problem:
        twice()

    assert "tell nobody" not in str(problem.value)
