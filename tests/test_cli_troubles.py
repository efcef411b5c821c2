"""A machine that refuses is told of in a sentence: no traceback, nothing half kept."""

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.cli.troubles import in_words
from tests.cli_home import bot, teach


def rows(folder: Path, count: int) -> Path:
    path = folder / "many.csv"
    filler = "word " * 60
    lines = (f"question {n} of many,answer {n} {filler}\n" for n in range(count))
    path.write_text("question,answer\n" + "".join(lines))
    return path


def count(home: Path) -> int:
    with closing(sqlite3.connect(home / "apprentice.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(database.execute("SELECT count(*) FROM example").fetchone()[0])


def assert_said(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for each in words:
        assert each in done.stderr


def test_a_full_disk_stops_an_import_and_keeps_what_was_there(tmp_path):
    home = teach(tmp_path / "home")
    path = rows(tmp_path, 3000)

    # A file may not grow beyond this: what the kernel says is what it says on a full disk.
    done = subprocess.run(
        [sys.executable, "-m", "bot", "dataset", "import", str(path), "--format", "csv"],
        env=os.environ | {"APPRENTICE_HOME": str(home)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert_said(done, "disk", "was not kept", "try again")
    assert count(home) == 14
    assert bot("dataset", "import", str(path), "--format", "csv", home=home).returncode == 0
    assert count(home) == 3014


def test_a_busy_database_is_waited_for_and_then_named_and_who_reads_does_not_wait(
    tmp_path,
):
    home = teach(tmp_path / "home")
    with closing(sqlite3.connect(home / "apprentice.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        read = bot("dataset", "stats", "--json", home=home)
        written = bot("dataset", "import", str(rows(tmp_path, 5)), "--format", "csv", home=home)

    assert read.returncode == 0, read.stderr
    assert_said(written, "The database is busy", "Wait for it to end")
    assert count(home) == 14


def test_what_is_no_database_and_what_is_no_folder_are_named(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "apprentice.db").write_bytes(b"\x07" * 8192)
    (tmp_path / "file").touch()

    assert_said(bot("dataset", "list", home=home), "is none", "Restore a backup")
    assert (home / "apprentice.db").read_bytes() == b"\x07" * 8192
    assert_said(bot("dataset", "list", home=tmp_path / "file"), str(tmp_path / "file"))


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    home = teach(tmp_path / "home")
    with closing(sqlite3.connect(home / "apprentice.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()

    assert_said(bot("dataset", "list", home=home), "a newer version of Apprentice")
    assert count(home) == 14


def test_a_mistake_of_ours_is_not_made_pretty():
    assert in_words(OSError("something else")) is None
    assert in_words(sqlite3.OperationalError("no such column: x")) is None


@pytest.mark.parametrize("kind", ["CANTOPEN", "READONLY_DBMOVED", "FULL", "CORRUPT_INDEX"])
def test_the_kind_of_an_error_counts_not_its_details(kind):
    error = sqlite3.OperationalError("some words")
    error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{kind}")

    assert in_words(error)
