"""The demo's data: its history, its first examples, and beginning anew."""

import socket
from pathlib import Path

import pytest
from sqlmodel import select

from bot.demo.alone import DemoRunsError, alone
from bot.demo.history import read_or_write_history
from bot.demo.seeding import seed_examples
from bot.demo.supervisor import DemoError, erase, run_demo
from bot.seed.organisation import curated_facts
from bot.settings import Settings
from storage.database import Database
from storage.tables import Example, Wording, WordingUse


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'apprentice.db'}"


def examples(url: str) -> list[Example]:
    database = Database(url)
    with database.read() as session:
        found = list(session.exec(select(Example).order_by(Example.id)))
    database.close()
    return found


def test_the_first_start_seeds_thirty_examples_and_holds_third_wordings_out(
    tmp_path: Path, url: str
):
    seed_examples(url, read_or_write_history(tmp_path / "history.json"), "http://localhost:3000")

    assert len(examples(url)) == 30
    database = Database(url)
    with database.read() as session:
        held_out = session.exec(select(Wording)).all()
    database.close()
    assert {wording.text for wording in held_out} == {f.wordings[2] for f in curated_facts()}
    assert {wording.use for wording in held_out} == {WordingUse.EVALUATION}


def test_a_later_start_seeds_nothing_and_follows_the_port(tmp_path: Path, url: str):
    history = read_or_write_history(tmp_path / "history.json")
    seed_examples(url, history, "http://localhost:3000")

    again = read_or_write_history(tmp_path / "history.json")
    seed_examples(url, again, "http://localhost:3001")

    assert again == history
    assert len(examples(url)) == 30
    assert all(e.permalink.startswith("http://localhost:3001/archives/C0") for e in examples(url))


def test_examples_a_person_took_out_do_not_come_back(tmp_path: Path, url: str):
    history = read_or_write_history(tmp_path / "history.json")
    seed_examples(url, history, "http://localhost:3000")
    database = Database(url)
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM wording")
        session.connection().exec_driver_sql("DELETE FROM vote")
        session.connection().exec_driver_sql("DELETE FROM example")
    database.close()

    seed_examples(url, history, "http://localhost:3000")

    assert examples(url) == []


def test_beginning_anew_deletes_the_demos_files_and_nothing_else(tmp_path: Path):
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("precious")
    for name in ("apprentice.db", "apprentice.db-wal", "erasures.jsonl", "sandbox-history.json"):
        (tmp_path / name).write_text("old")
    for name in ("sandbox", "jobs"):
        (tmp_path / name).mkdir()
    (tmp_path / "runs").symlink_to(elsewhere)

    erase(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "notes.txt"]
    assert (elsewhere / "precious").read_text() == "precious"


def test_a_second_demo_on_the_same_folder_is_told_where_the_first_one_is(tmp_path: Path):
    (tmp_path / "apprentice.db").write_text("in use")
    settings = Settings(apprentice_home=tmp_path)

    with alone(tmp_path, "http://localhost:3000"), pytest.raises(DemoRunsError) as refusal:
        run_demo(settings, port=3001, reset=True)

    assert f"with the data in {tmp_path}: open http://localhost:3000," in str(refusal.value)
    assert (tmp_path / "apprentice.db").read_text() == "in use"
    with alone(tmp_path, "http://localhost:3001"):
        pass  # the first one has ended


def test_beginning_anew_on_a_port_in_use_deletes_nothing(tmp_path: Path):
    (tmp_path / "apprentice.db").write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(DemoError, match=f"make demo PORT={port + 1}"):
            run_demo(Settings(apprentice_home=tmp_path), port=port, reset=True)

    assert (tmp_path / "apprentice.db").read_text() == "mine"
