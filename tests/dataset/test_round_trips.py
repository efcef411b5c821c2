"""What is exported and imported elsewhere is what it was; what is imported twice is there once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from bot.dataset.accepting import Rules
from bot.dataset.errors import RowsRefusedError
from bot.dataset.exporting import export_text, records, with_wrong_answers
from bot.dataset.formats import csv_table, dpo, hf_folder, openai_chat, prompt_completion
from bot.dataset.importing import Order, Report, import_rows
from bot.dataset.record import Record
from storage import erasure, exchange, revisions
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.examples import LISTED
from storage.tables import Example, ExampleState, RevisionReason, Source, Vote, Wording
from tests.teaching import TEAM, fresh_database, teach

OPS = "C0OPS"
EVERYBODY = Viewer(frozenset({WORKSPACE, OPS}))
READERS = {
    "openai-chat": openai_chat.read,
    "prompt-completion": prompt_completion.read,
    "csv": csv_table.read,
    "hf": hf_folder.read,
    "dpo": dpo.read,
}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


def bring_in(database: Database, path: Path, format_name="openai-chat", **options) -> Report:
    wishes = {key: options.pop(key) for key in ("audience", "propose") if key in options}
    rules = Rules(lambda text: (text, []), **wishes)
    order = Order(path.name, rules, "operator", **options)
    rows = READERS[format_name](path)
    return import_rows(database, TEAM, EVERYBODY, rows, order, lambda session, ids: (0, 0))


def take_out(database: Database, path: Path, format_name="openai-chat", audience=OPS) -> int:
    with database.read() as session:
        found = records(session, TEAM, audience, EVERYBODY, LISTED)
        if format_name == "hf":
            return hf_folder.write(found, lambda record: "train", path, audience)
        return export_text(found, format_name, str(path), plain=False)


def everything(database: Database) -> list[Record]:
    with database.read() as session:
        found = records(session, TEAM, OPS, EVERYBODY, LISTED)
        # What was kept without a revision has its first one after the import.
        return [replace(r, id=None, history=r.history if r.revision > 1 else ()) for r in found]


def teach_all_sorts(database: Database) -> None:
    with database.write() as session:
        first = teach(
            session, "Where's the key?", "Hook 3.\nBehind the door.", held_out=("Key?", "The key?")
        )
        first.channel_id, first.answer_ts, first.author_id = "C0HELP", "1700000000.000100", "U0BOB"
        first.asker_id, first.thread_ts = "U0CAROL", "1700000000.000001"
        first.permalink = "https://demo.slack.com/archives/C0HELP/p1700000000000100"
        said = [(first.thread_ts, "U0DAVE", "context"), (first.answer_ts, "U0BOB", "answer")]
        erasure.record_messages(session, first, said)
        first.context = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello, which room?"},
            {"role": "assistant", "content": "Room 3.", "weight": 0},
        ]
        brought = session.exec(select(Wording).where(Wording.text == "Key?")).one()
        brought.asker_id, brought.channel_id = "U0ERIN", "C0HELP"
        brought.message_ts = "1700000000.000200"
        first.tags = ["keys", "=cmd"]
        revisions.change(session, first, "U0BOB", RevisionReason.CORRECTED, answer="Hook 4.")
        first.original_answer = "Hook 3.\nBehind the door."
        teach(session, "=HYPERLINK(1)", '\'+apostrophe and "quotes", commas; tabs\there')
        teach(session, "מה השעה?", "זה חמש 👩‍🚀 \u2028 end", trained=("מתי?",))
        teach(session, "ops'", "secret", audience=OPS, source=Source.SLACK_MESSAGE)
        signs = teach(session, "What now?", "Ask Ada.", source=Source.BOT_ANSWER)
        signs.original_answer = "🤷"
        long = teach(session, "How long?", "As long as it takes.", source=Source.BOT_ANSWER)
        long.original_answer = "long " * 1000 + "end"
        teach(session, "disputed", "maybe", state=ExampleState.DISPUTED)
        teach(session, "wrong", "no", state=ExampleState.REJECTED, source=Source.BOT_ANSWER)


@pytest.mark.parametrize("format_name", sorted(set(READERS) - {"dpo"}))
def test_a_round_trip_loses_nothing(database, tmp_path, format_name):
    teach_all_sorts(database)
    path = tmp_path / "export"
    take_out(database, path, format_name)
    (tmp_path / "other").mkdir()
    other = fresh_database(tmp_path / "other")

    report = bring_in(other, path, format_name)

    assert report.new == 8
    assert everything(other) == everything(database)


@pytest.mark.parametrize("format_name", sorted(set(READERS) - {"dpo"}))
def test_the_same_file_twice_makes_nothing_twice(database, tmp_path, format_name):
    teach_all_sorts(database)
    path = tmp_path / "export"
    take_out(database, path, format_name)
    before = everything(database)

    reports = [bring_in(database, path, format_name) for _ in range(2)]

    assert [(report.new, report.known) for report in reports] == [(0, 8), (0, 8)]
    assert everything(database) == before


def test_a_foreign_file_comes_back_as_it_was(database, tmp_path):
    chats = [
        [("system", "You are terse."), ("user", "Hi"), ("assistant", "Hello"), ("user", "a"),
         ("assistant", "b")],
        [("developer", "Be kind."), ("user", "c"), ("assistant", "d")],
        [("user", "e"), ("assistant", "f")],
    ]  # fmt: skip
    rows = [{"messages": [{"role": r, "content": c} for r, c in chat]} for chat in chats]
    foreign, back = tmp_path / "foreign.jsonl", tmp_path / "back.jsonl"
    foreign.write_text("".join(json.dumps(row) + "\n" for row in rows))

    report = bring_in(database, foreign)
    take_out(database, back, audience=WORKSPACE)

    exported = [json.loads(line) for line in back.read_text().splitlines()]
    assert [{"messages": row["messages"]} for row in exported] == rows
    assert report.states == {"approved": 3}
    with database.read() as session:
        sources = {example.answer_source for example in session.exec(select(Example))}
        votes = [vote.by_curator for vote in session.exec(select(Vote))]
    assert sources == {Source.IMPORT}
    assert votes == [True] * 3


def test_proposed_rows_wait_for_review(database, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,answer\nq1,a1\nq2,a2\n")

    assert bring_in(database, path, "csv", propose=True).states == {"proposed": 2}


def test_a_private_channels_example_is_not_imported_for_all(database, tmp_path):
    teach_all_sorts(database)
    path = tmp_path / "export.jsonl"
    take_out(database, path)
    (tmp_path / "other").mkdir()
    other = fresh_database(tmp_path / "other")

    with pytest.raises(RowsRefusedError) as refusal:
        bring_in(other, path, audience=WORKSPACE)

    assert refusal.value.total == 1
    assert "C0OPS" in str(refusal.value)
    assert everything(other) == []
    assert bring_in(other, path, audience=OPS).audiences == {OPS: 8}


def test_a_viewer_outside_gets_nothing_of_a_private_channel(database):
    teach_all_sorts(database)

    with database.read() as session:
        for viewer, count in ((Viewer.nobody(), 0), (Viewer.person(()), 7)):
            assert len(list(records(session, TEAM, OPS, viewer, LISTED))) == count


def test_a_dry_run_keeps_nothing_and_says_what_it_would(database, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question;answer\nq1;a1\nq1;a1\n")

    report = bring_in(database, path, "csv", dry_run=True)

    assert (report.new, report.repeated) == (1, 1)
    assert everything(database) == []


def test_formulas_are_guarded_in_the_file_and_free_again_in_the_database(database, tmp_path):
    for text in ("=1+1", "+1", "-1 apple", "@SUM(A1)", "'=1", "''+x", "'tis"):
        with database.write() as session:
            teach(session, f"What is {text}?", text + " word")
    path = tmp_path / "export.csv"

    take_out(database, path, "csv")

    cells = [row.split(",")[1].strip('"') for row in path.read_text("utf-8-sig").splitlines()[1:]]
    assert not [cell for cell in cells if cell[0] in "=+-@"]
    (tmp_path / "other").mkdir()
    other = fresh_database(tmp_path / "other")
    bring_in(other, path, "csv")
    assert [r.answer for r in everything(other)] == [r.answer for r in everything(database)]


def test_pairs_of_right_and_wrong_come_from_corrections_and_rejected_bot_answers(
    database, tmp_path
):
    with database.write() as session:
        corrected = teach(session, "Where's the key?", "Hook 4.")
        corrected.original_answer = "Hook 3."
        for wrong in ("On the moon.", "In the sea."):
            teach(
                session, "where is: the plan", wrong, state=ExampleState.REJECTED,
                source=Source.BOT_ANSWER,
            )  # fmt: skip
        teach(session, "Where is the plan?", "On the wall.")
        teach(session, "nobody was wrong", "about this")
    path = tmp_path / "dpo.jsonl"

    with database.read() as session:
        found = records(session, TEAM, WORKSPACE, EVERYBODY)
        wrong = exchange.wrong_answers(session, TEAM, WORKSPACE, EVERYBODY)
        export_text(with_wrong_answers(found, wrong), "dpo", str(path), plain=True)

    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [
        tuple(row[key][0]["content"] for key in ("preferred_output", "non_preferred_output"))
        for row in rows
    ] == [("Hook 4.", "Hook 3."), ("On the wall.", "On the moon."), ("On the wall.", "In the sea.")]
    assert rows[0]["input"] == {"messages": [{"role": "user", "content": "Where's the key?"}]}
    (tmp_path / "other").mkdir()
    other = fresh_database(tmp_path / "other")
    assert bring_in(other, path, "dpo").states == {"approved": 2, "rejected": 1}


def test_pairs_come_back_as_what_they_were_made_of(database, tmp_path):
    """The corrected answer in its example, the rejected one beside it, neither of them twice."""
    with database.write() as session:
        corrected = teach(session, "Where's the key?", "Hook 4.", source=Source.BOT_ANSWER)
        corrected.original_answer = "Hook 3."
        teach(
            session, "Where's the key?", "On the moon.", state=ExampleState.REJECTED,
            source=Source.BOT_ANSWER,
        )  # fmt: skip
    path = tmp_path / "dpo.jsonl"
    with database.read() as session:
        found = records(session, TEAM, WORKSPACE, EVERYBODY)
        wrong = exchange.wrong_answers(session, TEAM, WORKSPACE, EVERYBODY)
        assert export_text(with_wrong_answers(found, wrong), "dpo", str(path), plain=False) == 2
    (tmp_path / "other").mkdir()
    other = fresh_database(tmp_path / "other")

    bring_in(other, path, "dpo")

    assert [(e.answer, e.rejected, e.state) for e in everything(other)] == [
        ("Hook 4.", ("Hook 3.",), "approved"),
        ("On the moon.", (), "rejected"),
    ]


def test_what_was_edited_after_its_import_is_not_imported_again(database, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,answer\nq1,a1\n")
    bring_in(database, path, "csv")
    with database.write() as session:
        example = session.exec(select(Example)).one()
        revisions.change(session, example, "U0BOB", RevisionReason.EDITED, answer="better")

    assert bring_in(database, path, "csv").known == 1
