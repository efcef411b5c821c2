"""
Writes a backup while the bot runs: one tar with the database, the versions' files, the ledger of
erasures and checksums.

The database is copied by SQLite's own online backup, so the copy is one consistent state whatever
is written meanwhile; versions' files never change. The tar is not compressed, so nothing in it can
be larger than it looks.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import BackupError
from storage import ledger
from storage.columns import utc_now
from storage.database import Database

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "apprentice.db"
NOT_SQLITE = (
    "This works on the SQLite database of one machine. With PostgreSQL use its own tools, pg_dump "
    "and pg_restore, and copy the folder `models` of APPRENTICE_HOME."
)


@dataclass(frozen=True)
class Written:
    """What a backup holds: its files, their bytes in all, and versions whose files are missing."""

    files: int
    size: int
    missing: tuple[str, ...]


def write_backup(database: Database, home: Path, target: Path) -> Written:
    """
    Raises:
        BackupError: the target is there already or cannot be written, or it is not SQLite.
    """
    if database.path is None:
        raise BackupError(NOT_SQLITE)
    if target.exists():
        raise BackupError(f"{target} is there already. Name a file that is not: none is replaced.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}. Make it first.")
    if not database.path.is_file():
        raise BackupError(f"There is no database at {database.path} yet, so nothing to back up.")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
            return _write(database.path, home, target, Path(folder))
    except FileExistsError:
        raise BackupError(f"{target} was made meanwhile by somebody else.") from None
    except (OSError, sqlite3.Error) as error:
        raise BackupError(
            f"The backup could not be written: {error}. Nothing is left of it; make room and try "
            "again."
        ) from error


def _write(database: Path, home: Path, target: Path, folder: Path) -> Written:
    copy = folder / DATABASE
    copy_database(database, copy)
    paths, missing = _version_files(copy, home)
    files = {DATABASE: copy, **paths}
    if (home / ledger.FILE).is_file():
        # After the database, so that it holds at least what the database knows.
        files[ledger.FILE] = Path(shutil.copyfile(home / ledger.FILE, folder / ledger.FILE))
    described = {name: _described(path) for name, path in files.items()}
    manifest = {
        "format": FORMAT,
        "revision": revision_of(copy),
        "made_at": utc_now().isoformat(timespec="seconds"),
        "files": described,
    }
    partial = folder / "backup.tar"
    with (
        partial.open("xb") as raw,
        tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        os.chmod(partial, 0o600)
        _add(tar, MANIFEST, json.dumps(manifest, indent=1).encode())
        for name, path in files.items():
            tar.add(path, arcname=name, recursive=False)
        tar.close()
        raw.flush()
        os.fsync(raw.fileno())
    os.link(partial, target)  # refuses to replace, which a rename would not
    return Written(len(files), sum(each["size"] for each in described.values()), missing)


def copy_database(source: Path, copy: Path) -> None:
    """One consistent state of a database that others may be writing, as one file."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as live,
        closing(sqlite3.connect(copy)) as new,
    ):
        live.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
        check_database(new)


def check_database(connection: sqlite3.Connection) -> None:
    """
    Raises:
        BackupError: the file is damaged.
    """
    [answer] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if answer != "ok":
        raise BackupError(f"The database is damaged: {answer}. Restore an older backup.")


def revision_of(database: Path) -> str:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _version_files(database: Path, home: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The files of every version that may answer, by their place in the home folder."""
    found: dict[str, Path] = {}
    missing: list[str] = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT name, adapter_path, gguf_path FROM model_version WHERE state != 'retired'"
        ).fetchall()
    for name, *places in rows:
        for place in places:
            files = list(_files_of(home, place))
            if not files:
                missing.append(name)
            found |= files
    return found, tuple(sorted(set(missing)))


def _files_of(home: Path, place: str) -> Iterator[tuple[str, Path]]:
    """Nothing outside of the home folder belongs to a backup of it."""
    top = home / place
    if not place or Path(place).is_absolute() or ".." in Path(place).parts:
        return
    for path in [top] if top.is_file() else sorted(top.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(home).as_posix(), path


def _described(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
