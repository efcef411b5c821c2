"""A file that cannot be kept is refused with the row and the reason, and nothing of it is kept."""

import gc
import gzip
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import func, select

from bot.dataset.accepting import Changes, Rules, accept
from bot.dataset.errors import FileRefusedError, RowsRefusedError
from bot.dataset.formats import csv_table, openai_chat
from bot.dataset.importing import Order, Report, import_rows
from bot.dataset.record import Record, Row, RowError
from storage import examples
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import Example
from tests.audited import looking_away
from tests.teaching import TEAM, fresh_database

READERS = {"jsonl": openai_chat.read, "csv": csv_table.read}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


def bring_in(database: Database, rows: Iterator[Row], **options) -> Report:
    order = Order("it", Rules(lambda text: (text, [])), "operator", **options)
    return import_rows(database, TEAM, Viewer.model(WORKSPACE), rows, order, lambda s, ids: (0, 0))


def refusal(database: Database, path: Path, encoding: str = "") -> str:
    with pytest.raises((FileRefusedError, RowsRefusedError)) as refused:
        bring_in(database, READERS[path.suffix[1:]](path, encoding))
    assert count(database) == 0
    return str(refused.value)


def count(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(Example)).one()


def chat(*turns: object, **more: object) -> str:
    messages = [t if isinstance(t, dict) else {"role": t[0], "content": t[1]} for t in turns]
    return json.dumps({"messages": messages} | more)


GOOD = chat(("user", "Where?"), ("assistant", "Here."))
U, A = ("user", "q"), ("assistant", "a")
TOOL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
PICTURE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}

BAD_ROWS = {
    "no JSON": ("{'messages': 1}", "no JSON"),
    "pretty-printed": ("{", "one object per line"),
    "an array": (f"[{GOOD}]", "a list, not an object"),
    "no messages": ('{"text": "x"}', "`messages` is missing"),
    "messages no list": ('{"messages": "x"}', "has to be a list"),
    "message no object": (chat(U, A).replace('{"role": "user", "content": "q"}', "7"), "message 1"),
    "unknown role": (chat(("boss", "q"), A), "'boss'"),
    "unknown key": (chat({"role": "user", "content": "q", "contents": "x"}, A), "`contents`"),
    "no answer": (chat(A, U), "not the assistant's"),
    "no question": (chat(A), "no user's message"),
    "answer unlearned": (chat(U, {"role": "assistant", "content": "a", "weight": 0}), "weight 0"),
    "weight of a half": (chat(U, {"role": "assistant", "content": "a", "weight": 0.5}), "weight"),
    "tool call": (chat(U, TOOL, A), "calls tools"),
    "tools": (chat(U, A, tools=[{"type": "function"}]), "calls tools"),
    "a picture": (chat(PICTURE, A), "image_url"),
    "content a number": (chat(("user", 7), A), "no text in `content`"),
    "empty answer": (chat(U, ("assistant", " \n\t")), "the answer has nothing in it"),
    "emoji only": (chat(U, ("assistant", "🎉👍🏽")), "no words, only signs"),
    "control characters only": (chat(U, ("assistant", "\x00\x07\u202e")), "nothing in it"),
    "too long": (chat(U, ("assistant", "x" * 3001)), "3,001 characters"),
    "deeply nested": ('{"messages":' + "[" * 100_000, "nested too deeply"),
    "not a number": ('{"messages": NaN}', "numbers that are no numbers"),
    "huge number": ('{"messages": ' + "9" * 9000 + "}", "numbers that are no numbers"),
    "a foreign state": (chat(U, A, apprentice={"state": "great"}), "`apprentice.state`"),
    "a foreign audience": (chat(U, A, apprentice={"audience": "../x"}), "neither `workspace` nor"),
    "a key twice": (f'{GOOD[:-1]}, "messages": []}}', "has the key `messages` twice"),
    "content twice": (GOOD.replace('"content"', '"content": "x", "content"', 1), "`content` twice"),
    "state in a list": (chat(U, A, apprentice={"state": ["approved"]}), "has to be one of"),
    "use in an object": (chat(U, A, apprentice={"wordings": [{"text": "w", "use": {}}]}), "one of"),
    "a number that is true": (chat(U, A, apprentice={"revision": True}), "a whole number"),
    "before all times": (
        chat(U, A, apprentice={"created_at": "0001-01-01T00:00:00+14:00"}),
        "with its zone",
    ),
    "after all times": (
        chat(U, A, apprentice={"created_at": "9999-12-31T23:00:00-14:00"}),
        "with its zone",
    ),
    "channel in an object": (
        chat(U, A, apprentice={"place": {"channel_id": {}, "answer_ts": [1]}}),
        "`apprentice.place.answer_ts` is not",
    ),
    "half a channel": (chat(U, A, apprentice={"place": {"channel_id": "C\ud83d"}}), "channel_id"),
    "endless time": (chat(U, A, apprentice={"place": {"answer_ts": "9" * 10_000}}), "answer_ts"),
    "link with markup": (
        chat(U, A, apprentice={"place": {"permalink": "https://x|y> <!channel> <https://z"}}),
        "permalink",
    ),
    "link that runs": (
        chat(U, A, apprentice={"place": {"permalink": "javascript:alert(1)"}}),
        "permalink",
    ),
    "message without time": (
        chat(U, A, apprentice={"messages": [["x", "U0BOB", "answer"]]}),
        "time, author and part",
    ),
    "half an author": (
        chat(U, A, apprentice={"history": [{"number": 1, "author_id": "U\ud83d"}]}),
        "no name and no id",
    ),
    "later than the newest": (
        chat(U, A, apprentice={"history": [{"number": 5}], "revision": 4}),
        "after the newest, 4",
    ),
    "a boss before": (
        chat(U, A, apprentice={"context": [{"role": "boss", "content": "x"}]}),
        "a role of system, developer",
    ),
    "too many tags": (chat(U, A, apprentice={"tags": [f"t{n}" for n in range(11)]}), "10 tags"),
    "a tag too long": (chat(U, A, apprentice={"tags": ["t" * 31]}), "30 characters"),
    "time without zone": (chat(U, A, apprentice={"created_at": "2026-11-24"}), "with its zone"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_kept(database, tmp_path, name):
    line, reason = BAD_ROWS[name]
    path = tmp_path / "a.jsonl"
    path.write_text(f"{GOOD}\n\n{line}\n{GOOD}\n", encoding="utf-8")

    said = refusal(database, path)

    assert "Row 3: " in said
    assert reason in said


def test_all_bad_rows_are_named_up_to_twenty(database, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,answer\n" + "x,\n" * 30)

    said = refusal(database, path)

    assert "30 rows cannot be" in said
    assert "Row 2:" in said
    assert "… and 10 more" in said


def test_bad_rows_are_left_out_on_demand(database, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(f"{GOOD}\nnonsense\n")

    report = bring_in(database, openai_chat.read(path), skip_bad_rows=True)

    assert (report.new, report.skipped) == (1, 1)


FILES = {
    "a.jsonl": {
        "empty": (b"", "no rows"),
        "blank": (b"\n \n", "no rows"),
        "gzip": (gzip.compress(GOOD.encode()), "compressed with gzip"),
        "zip": (b"PK\x03\x04rest", "ZIP archive"),
        "pdf": (b"%PDF-1.7", "PDF"),
        "latin-1": ((GOOD + "\n").encode() + '{"messages": "é"}\n'.encode("latin-1"), "row 2"),
        "zeros": (GOOD.encode() + b"\n\0\0\0\n", "row 2"),
        "utf-16 without mark": (GOOD.encode("utf-16-le"), "utf-16-le"),
        "utf-16, the other way": (GOOD.encode("utf-16-be"), "utf-16-be"),
        "empty zip": (b"PK\x05\x06" + b"\0" * 18, "an empty ZIP"),
        "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture"),
        "xz": (b"\xfd7zXZ\0\0\x04", "compressed with xz"),
        "a line without end": (b"x" * 4_000_001, "row 1 is longer"),
    },
    "a.csv": {
        "other columns": (b"name,mail\na,b\n", "no column `question`"),
        "jsonl": (GOOD.encode(), "no column `question`"),
        "open quote": (b'question,answer\nq,"a\n' + b"x" * 1_500_000, "row 2"),
        "broken quote": (b'question,answer\nq,"a"b\n', "row 2"),
        "lines of an old Mac": (b"question,answer\rq,a\r", "lines end as on Macs"),
        "two questions": (b"question,Question,answer\nq,r,a\n", "two columns `question`"),
        "a comma in the text": (
            b"question,answer\nq,Here, on the left\n",
            "Row 2: it has 3 columns",
        ),
        "short row": (b"question,answer\nq\n", "Row 2: it has 1 column"),
    },
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in FILES.items() for kind in kinds]
)
def test_a_file_that_is_not_what_it_says_is_refused(database, tmp_path, name, kind):
    content, reason = FILES[name][kind]
    path = tmp_path / name
    path.write_bytes(content)

    assert reason in refusal(database, path)


def test_what_is_no_file_is_refused(database, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")

    assert "is not a file" in refusal(database, tmp_path / "folder.csv")
    assert "is not a file" in refusal(database, tmp_path / "pipe.csv")
    assert "There is no file" in refusal(database, tmp_path / "nothing.csv")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"])
def test_other_encodings_are_read_where_they_say_what_they_are(database, tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes('question,answer\n"¿Dónde?",да\n'.encode(encoding))
    named = encoding if encoding.endswith("be") else ""

    bring_in(database, csv_table.read(path, named))

    with database.read() as session:
        example = session.exec(select(Example)).one()
    assert (example.question, example.answer) == ("¿Dónde?", "да")


def test_a_named_encoding_is_believed_and_an_unknown_one_refused(database, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("question,answer\nWo?,Überall\n".encode("cp1252"))

    for name in ("klingon", "base64", "rot13", "undefined", "a\0b"):
        assert f"no encoding {name}" in refusal(database, path, name)
    assert "row 2" in refusal(database, path)
    assert bring_in(database, csv_table.read(path, "cp1252")).new == 1


def test_a_text_without_end_is_refused_before_anybody_searches_it_for_secrets(tmp_path):
    """A file of two gigabytes is refused in a minute or so, not in hours."""
    path = tmp_path / "a.jsonl"
    path.write_text(chat(U, ("assistant", "word " * 200_000)) + "\n")
    searched = []

    def redact(text: str) -> tuple[str, list[str]]:
        searched.append(len(text))
        return text, []

    [row] = openai_chat.read(path)
    with pytest.raises(RowError, match="1,000,000 characters"):
        accept(row.record, Rules(redact), Changes())

    assert max(searched) < 100


def test_cells_without_words_after_the_last_column_do_no_harm(database, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,answer\nq,a,, \n")

    assert bring_in(database, csv_table.read(path)).new == 1


def test_tags_are_kept_as_the_form_takes_them(database, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(chat(U, A, apprentice={"tags": ["#Keys, shed", "keys", " Big  Hall "]}) + "\n")

    bring_in(database, openai_chat.read(path))

    with database.read() as session:
        assert session.exec(select(Example)).one().tags == ["keys", "shed", "big hall"]


def test_turns_before_keep_nothing_that_is_no_part_of_a_turn(database, tmp_path):
    turn = {"role": "user", "content": "Hello", "evil": {"a": 1}, "weight": 0}
    path = tmp_path / "a.jsonl"
    path.write_text(chat(U, A, apprentice={"context": [turn]}) + "\n")

    bring_in(database, openai_chat.read(path))

    kept = [{"role": "user", "content": "Hello", "weight": 0}]
    with database.read() as session:
        assert session.exec(select(Example)).one().context == kept


def test_control_characters_are_taken_out_and_counted(database, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(chat(("user", "q\u202e\x07"), ("assistant", "half \ud83d here")) + "\n")

    report = bring_in(database, openai_chat.read(path))

    with database.read() as session:
        example = session.exec(select(Example)).one()
    assert (example.question, example.answer, report.cleaned) == ("q", "half  here", 1)


def test_text_from_right_to_left_is_kept_and_found_as_it_was_written(database, tmp_path):
    question, answer = "איפה המפתח של חדר 7?", "המפתח תלוי על וו 7 (ליד הדלת)."
    path = tmp_path / "a.csv"
    path.write_text(f'question,answer\n"{question}","{answer}"\n', encoding="utf-8")

    bring_in(database, csv_table.read(path))

    with database.read() as session:
        found, total = examples.search(session, TEAM, Viewer.person(()), "המפתח")
    assert (total, found[0].question, found[0].answer) == (1, question, answer)


@pytest.mark.parametrize("dry_run", [True, False])
def test_ten_million_short_rows_would_need_little_memory(tmp_path, dry_run):
    """Measured at two sizes: what is needed besides grows by some bytes with each row."""
    few, many = 3_000, 9_000  # what is collected now and then has reached its most by then
    needed = [memory_of_import(tmp_path / str(rows), rows, dry_run) for rows in (few, many)]

    a_row = max(0, needed[1] - needed[0]) / (many - few)
    # All rows in memory are 400 bytes each and more.
    assert needed[0] + a_row * 10_000_000 < 300_000_000, needed


def memory_of_import(folder: Path, count: int, dry_run: bool) -> int:
    """The most that was needed at once, in bytes; what SQLite keeps for itself is bounded there."""

    def rows() -> Iterator[Row]:
        for number in range(count):
            yield Row(number, Record(f"question {number}", f"answer {number}"))

    folder.mkdir()
    database = fresh_database(folder)
    bring_in(database, iter([Row(1, Record("q", "a"))]))  # what is built once is there by now
    thresholds = gc.get_threshold()
    gc.set_threshold(50)  # what waits to be collected is not needed, and would blur the figure
    tracemalloc.start()
    with looking_away():
        report = bring_in(database, rows(), dry_run=dry_run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.set_threshold(*thresholds)
    database.close()
    assert report.new == count
    return peak


def test_a_killed_import_leaves_nothing(tmp_path):
    fresh_database(tmp_path).close()
    path = tmp_path / "many.csv"
    with path.open("w") as file:
        file.write("question,answer\n")
        file.writelines(f"question {n},answer {n}\n" for n in range(30_000))
    code = (
        "import sys; from bot.dataset import importing; from storage import exchange\n"
        "kept = exchange.add_examples\n"
        "def add(session, page):\n"
        "    ids = kept(session, page); print('page', flush=True); return ids\n"
        "exchange.add_examples = add\n"
        "from bot.cli import main; from bot.settings import load_settings\n"
        f"sys.argv = ['bot', 'dataset', 'import', {str(path)!r}, '--format', 'csv']\n"
        "main(load_settings)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"APPRENTICE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "page\n"
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stdout.close()

    database = Database(f"sqlite:///{tmp_path / 'apprentice.db'}")

    assert count(database) == 0
    database.close()
