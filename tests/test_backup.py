"""Backup while somebody writes, and restoring it: all or nothing."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlmodel import select

from bot import restore as restoring
from bot.backup import write_backup
from bot.errors import BackupError, DatabaseInUseError
from bot.persistence import why_volatile
from bot.restore import STAGING, finish_restore, restore_backup
from storage import ledger
from storage.audience import WORKSPACE
from storage.database import Database
from storage.schema import _config
from storage.tables import Example, ModelVersion, Run, Setting, Snapshot
from tests.teaching import TEAM, fresh_database, teach

ADAPTER = "models/workspace-v1/adapter.gguf"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def database(home: Path):
    database = fresh_database(home)
    yield database
    database.close()


def questions(database: Database) -> list[str]:
    with database.read() as session:
        return [example.question for example in session.exec(select(Example))]


def learn(database: Database, question: str) -> None:
    with database.write() as session:
        teach(session, question, "A")


def keep_version(database: Database) -> None:
    with database.write() as session:
        run = Run(team_id=TEAM, audience=WORKSPACE, trainer="local", requested_by="U")
        snapshot = Snapshot(team_id=TEAM, audience=WORKSPACE, number=1, hash="h")
        session.add_all([run, snapshot])
        session.flush()
        session.add(
            ModelVersion(
                team_id=TEAM, audience=WORKSPACE, number=1, name="workspace-v1", run_id=run.id,
                snapshot_id=snapshot.id, base_model="b", base_digest="d",
                adapter_path=str(Path(ADAPTER).parent), gguf_path=ADAPTER, checksum="c",
            )
        )  # fmt: skip


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]


def packed(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def restored(home: Path, source: Path) -> int:
    database = Database(f"sqlite:///{home / 'apprentice.db'}")
    try:
        return restore_backup(database, home, source)
    finally:
        database.close()


def test_what_was_backed_up_comes_back_and_what_came_later_is_gone(home, database, tmp_path):
    learn(database, "before")
    written = write_backup(database, home, tmp_path / "b.tar")
    learn(database, "after")
    database.close()

    restored(home, tmp_path / "b.tar")

    assert written.files == 1
    assert questions(database) == ["before"]
    assert not (home / STAGING).exists()
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0


def test_a_backup_taken_while_somebody_writes_is_one_consistent_state(home, database, tmp_path):
    stop = threading.Event()
    counted = iter(range(1_000_000))

    def write() -> None:
        while not stop.is_set():
            number = next(counted)
            with database.write() as session:  # two rows that belong together
                for side in ("a", "b"):
                    session.add(
                        Setting(team_id=TEAM, key=f"{number}{side}", value=1, changed_by="U")
                    )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while next(counted) < 20:
            pass
        for number in range(5):
            write_backup(database, home, tmp_path / f"{number}.tar")
    finally:
        stop.set()
        writer.join()
    database.close()

    sizes = []
    for number in range(5):
        restored(home, tmp_path / f"{number}.tar")
        with database.read() as session:
            keys = {row.key for row in session.exec(select(Setting))}
        database.close()
        assert {key[:-1] for key in keys if key[-1] == "a"} == {
            key[:-1] for key in keys if key[-1] == "b"
        }
        sizes.append(len(keys))
    assert sizes == sorted(sizes)


def test_versions_files_are_in_it_and_come_back(home, database, tmp_path):
    (home / ADAPTER).parent.mkdir(parents=True)
    (home / ADAPTER).write_bytes(b"weights")
    keep_version(database)
    written = write_backup(database, home, tmp_path / "b.tar")
    (home / ADAPTER).write_bytes(b"other")
    database.close()

    restored(home, tmp_path / "b.tar")

    assert (home / ADAPTER).read_bytes() == b"weights"
    assert written.missing == ()


def test_a_version_without_its_files_is_named(home, database, tmp_path):
    keep_version(database)

    assert write_backup(database, home, tmp_path / "b.tar").missing == ("workspace-v1",)


def test_an_existing_file_is_not_replaced(home, database, tmp_path):
    (tmp_path / "b.tar").write_text("mine")

    with pytest.raises(BackupError, match="there already"):
        write_backup(database, home, tmp_path / "b.tar")

    assert (tmp_path / "b.tar").read_text() == "mine"


def test_other_databases_are_told_their_own_tools(home, tmp_path):
    with pytest.raises(BackupError, match="pg_dump"):
        write_backup(Database("sqlite://"), home, tmp_path / "b.tar")


def test_restoring_under_a_running_bot_is_refused(home, database, tmp_path):
    write_backup(database, home, tmp_path / "b.tar")
    lock = database.hold()

    with pytest.raises(DatabaseInUseError):
        restored(home, tmp_path / "b.tar")
    lock.release()


def tampered(content: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    manifest = json.loads(content["manifest.json"]) | changes
    return {**content, "manifest.json": json.dumps(manifest).encode()}


def listing(content: dict[str, bytes], name: str, size: int) -> dict[str, bytes]:
    """As if one file more belonged to it."""
    files = json.loads(content["manifest.json"])["files"]
    return tampered(content, files=files | {name: {"size": size, "sha256": "0" * 64}})


BAD = {
    "a file that is missing": lambda c: listing(c, "models/v1/adapter.gguf", 7),
    "more than there is room for": lambda c: listing(c, "models/v1/adapter.gguf", 10**18),
    "a longer file than it says": lambda c: {**c, "apprentice.db": c["apprentice.db"] + b"!"},
    "an extra file": lambda c: {**c, "evil.txt": b"x"},
    "a path out of the folder": lambda c: {**c, "../../evil.txt": b"x"},
    "a changed byte": lambda c: {**c, "apprentice.db": c["apprentice.db"][:-1] + b"!"},
    "a cut file": lambda c: {**c, "apprentice.db": c["apprentice.db"][:-1]},
    "no database": lambda c: {"manifest.json": c["manifest.json"]},
    "no manifest": lambda c: {"apprentice.db": c["apprentice.db"]},
    "a newer version": lambda c: tampered(c, revision="9999"),
    "an older version than it says": lambda c: tampered(c, revision="0003"),
    "another format": lambda c: tampered(c, format=2),
    "a manifest of another shape": lambda c: {**c, "manifest.json": b"[]"},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD.keys())
def test_a_bad_backup_is_refused_and_nothing_changes(home, database, tmp_path, change):
    write_backup(database, home, tmp_path / "good.tar")
    learn(database, "kept")
    database.close()
    bad = packed(tmp_path / "bad.tar", change(members(tmp_path / "good.tar")))

    with pytest.raises(BackupError):
        restored(home, bad)

    assert questions(database) == ["kept"]
    assert not (home / STAGING).exists()
    assert not list(tmp_path.rglob("evil.txt"))


def test_what_a_killed_bots_journal_holds_is_not_played_into_what_was_restored(
    home, database, tmp_path
):
    learn(database, "before")
    write_backup(database, home, tmp_path / "b.tar")
    (home / ledger.FILE).touch()  # so that the old database is not opened for its erasures
    journal = home / "apprentice.db-wal"
    learn(database, "after")
    left = journal.read_bytes()
    database.close()
    journal.write_bytes(left)

    restored(home, tmp_path / "b.tar")

    with closing(sqlite3.connect(home / "apprentice.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT question FROM example").fetchall() == [("before",)]
    assert b"after" in left


def test_a_backup_of_a_newer_version_says_so(home, database, tmp_path):
    with database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    write_backup(database, home, tmp_path / "b.tar")
    with database.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE alembic_version SET version_num = '{newest_revision()}'"
        )
    learn(database, "kept")
    database.close()

    with pytest.raises(BackupError, match="another version of Apprentice"):
        restored(home, tmp_path / "b.tar")

    assert questions(database) == ["kept"]


def newest_revision() -> str:
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def test_what_does_not_fit_is_refused_before_anything_is_unpacked(home, database, tmp_path):
    write_backup(database, home, tmp_path / "good.tar")
    database.close()
    content = listing(members(tmp_path / "good.tar"), "models/v1/adapter.gguf", 10**18)

    with pytest.raises(BackupError, match="MB are free"):
        restored(home, packed(tmp_path / "bad.tar", content))


def test_a_link_in_a_backup_is_refused(home, database, tmp_path):
    write_backup(database, home, tmp_path / "good.tar")
    content = members(tmp_path / "good.tar")
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        for name in ("manifest.json", "apprentice.db"):
            member = tarfile.TarInfo(name)
            member.size = len(content[name])
            if name == "apprentice.db":
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
            tar.addfile(member, io.BytesIO(content[name]))

    with pytest.raises(BackupError):
        restored(home, tmp_path / "bad.tar")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b" + b"0" * 100, os.urandom(2000)])
def test_a_file_that_is_no_backup_is_refused(home, database, tmp_path, content):
    (tmp_path / "bad.tar").write_bytes(content)

    with pytest.raises(BackupError):
        restored(home, tmp_path / "bad.tar")


KILLED = """
import os, signal, sys
from pathlib import Path
from bot import restore
from storage.database import Database
home, source, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
setattr(restore, at, die)
restore.restore_backup(Database(f"sqlite:///{home / 'apprentice.db'}"), home, source)
"""


@pytest.mark.parametrize(
    ("at", "expected"),
    [("_commit", ["before", "after"]), ("_exchange", ["before"]), ("_move", ["before"])],
)
def test_killed_in_the_middle_it_is_the_old_data_or_the_new(home, database, tmp_path, at, expected):
    learn(database, "before")
    write_backup(database, home, tmp_path / "b.tar")
    learn(database, "after")
    database.close()

    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(tmp_path / "b.tar"), at], timeout=60
    )
    finish_restore(home, home / "apprentice.db")

    assert ended.returncode == -signal.SIGKILL
    assert questions(database) == expected
    assert not (home / STAGING).exists()


def test_a_restore_stopped_at_any_move_is_finished_by_the_next_start(
    home, database, tmp_path, monkeypatch
):
    learn(database, "before")
    write_backup(database, home, tmp_path / "b.tar")
    learn(database, "after")
    database.close()
    real, moves = restoring._move, iter(range(100))

    def stop_at_second(source: Path, target: Path) -> None:
        if next(moves) == 1:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(restoring, "_move", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        restored(home, tmp_path / "b.tar")
    monkeypatch.setattr(restoring, "_move", real)
    with closing(sqlite3.connect(home / "apprentice.db")):
        pass  # somebody opened it in between and made an empty one

    assert finish_restore(home, home / "apprentice.db")

    assert questions(database) == ["before"]


@pytest.mark.parametrize(
    ("kind", "place", "words"),
    [("overlay", "/", "container"), ("tmpfs", "/srv", "in memory"), ("ext4", "/", None)],
)
def test_a_folder_that_a_restart_empties_is_named(tmp_path, kind, place, words):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"dev / ext4 rw 0 0\nx {place} {kind} rw 0 0\n")

    reason = why_volatile(Path("/srv/apprentice"), environ={}, mounts=mounts)

    assert (reason is None) if words is None else (words in (reason or ""))


def test_heroku_and_temporary_folders_are_named(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text("dev / ext4 rw 0 0\n")

    assert "Heroku" in (why_volatile(Path("/app"), environ={"DYNO": "1"}, mounts=mounts) or "")
    assert "temporary" in (why_volatile(Path("/tmp/x"), environ={}, mounts=mounts) or "")
    assert why_volatile(Path("/srv/x"), environ={}, mounts=tmp_path / "none") is None
