"""Transactions, waking, and one bot per database."""

import contextlib
import multiprocessing
import os
import threading
import time

import pytest
from sqlmodel import delete, select, update

from bot.errors import DatabaseInUseError
from storage import erasure
from storage.database import Database
from storage.tables import Example, Setting
from tests.teaching import fresh_database, teach


def a_setting(key: str = "k") -> Setting:
    return Setting(team_id="T", key=key, value=1, changed_by="U")


def test_a_write_that_raises_leaves_nothing(database: Database):
    def add_and_fail() -> None:
        with database.write() as session:
            session.add(a_setting())
            session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        add_and_fail()

    with database.read() as session:
        assert session.exec(select(Setting)).all() == []


def test_a_write_that_changes_a_row_wakes_who_waits_for_its_table(database: Database):
    settings, questions, anything = (
        database.alarm("setting"), database.alarm("question"), database.alarm()
    )  # fmt: skip

    with database.write() as session:
        session.add(a_setting())

    assert settings.is_set()
    assert anything.is_set()
    assert not questions.is_set()


def test_rows_changed_without_being_read_wake_too(database: Database):
    with database.write() as session:
        session.add(a_setting())
    settings = database.alarm("setting")

    with database.write() as session:
        session.exec(update(Setting).values(value=2))

    assert settings.is_set()


def test_a_write_that_changes_nothing_or_fails_wakes_nobody(database: Database):
    alarm = database.alarm()

    with database.write() as session:
        session.exec(select(Setting)).all()
        session.exec(delete(Setting).where(Setting.key == "no such key"))
    with contextlib.suppress(RuntimeError), database.write() as session:
        session.add(a_setting())
        session.flush()
        raise RuntimeError

    assert not alarm.is_set()


def test_two_writers_wait_for_each_other(database: Database):
    def add(number: int) -> None:
        with database.write() as session:
            known = len(session.exec(select(Setting)).all())
            time.sleep(0.01)
            session.add(a_setting(f"{number}-{known}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as session:
        counts = sorted(int(s.key.split("-")[1]) for s in session.exec(select(Setting)))
    assert counts == list(range(8))


def test_a_second_bot_on_the_same_file_is_refused_with_a_sentence(database: Database):
    lock = database.hold()

    other = Database(str(database.url))
    with pytest.raises(DatabaseInUseError, match="Another Apprentice is already running on"):
        other.hold()

    lock.release()
    other.hold().release()
    other.close()


def test_only_what_can_be_worked_out_again_waits_for_no_disk(database: Database):
    def waits_for_disk(**how: bool) -> bool:
        with database.write(**how) as session:
            session.add(a_setting(str(how)))
            # 2 is FULL: the commit returns when it is on disk; 1 leaves that to a later one.
            return session.connection().exec_driver_sql("PRAGMA synchronous").scalar() == 2

    assert [waits_for_disk(redoable=True), waits_for_disk(), waits_for_disk(urgent=True)] == [
        False, True, True,
    ]  # fmt: skip


def test_what_waits_for_no_disk_outlives_the_process(database: Database):
    def write_and_die() -> None:
        with database.write(redoable=True) as session:
            session.add(a_setting())
        os._exit(9)

    database.close()  # a connection may not go along into another process
    child = multiprocessing.get_context("fork").Process(target=write_and_die)
    child.start()
    child.join(30)

    assert child.exitcode == 9
    with database.read() as session:
        assert len(session.exec(select(Setting)).all()) == 1


def test_a_scrubbed_index_holds_no_word_of_which_only_a_deletion_is_noted(tmp_path):
    """Full-text search writes deletions beside what it knew; zeroed pages do not reach that."""
    database = fresh_database(tmp_path)
    with database.write() as session:
        taught = [teach(session, f"Where is zebrafink{n}?", "Here.") for n in range(300)]
    with database.write() as session:
        erasure.blank(session, session.get_one(Example, taught[149].id))

    assert database.scrub()

    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"zebrafink148" in files
    assert b"zebrafink149" not in files
    database.close()
