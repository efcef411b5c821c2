"""
Puts a backup in the place of what is there: all of it or, whatever happens, nothing.

Everything is unpacked and checked beside the old data first. A marker file then says that the new
data counts; from there on an interrupted restore is finished by the next start, before it nothing
has changed. What was erased after the backup was made is erased in the unpacked copy, before the
marker (``bot.restored``).
"""

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot.backup import (
    DATABASE,
    FORMAT,
    MANIFEST,
    NOT_SQLITE,
    check_database,
    revision_of,
)
from bot.errors import BackupError
from bot.restored import Erased, Memory, forget_since
from storage.database import Database
from storage.schema import knows_revision

STAGING = ".restore"
_COMMITTED = "COMMITTED"
_MAX_MANIFEST_BYTES = 50_000_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Restored:
    """``made_at`` is when the backup was made, as it says; ``erased`` is what did not come back."""

    files: int
    made_at: str
    erased: Erased


def restore_backup(
    database: Database, home: Path, source: Path, memory: Memory | None = None
) -> Restored:
    """
    Replace database and versions by those of a backup, without what was erased since.

    Raises:
        BackupError: the backup is damaged, not ours or too new; nothing has changed then.
        DatabaseInUseError: a bot works on the database. Stop it first.
    """
    place = database.path
    if place is None:
        raise BackupError(NOT_SQLITE)
    if not source.is_file():
        raise BackupError(f"There is no file {source}.")
    home.mkdir(parents=True, exist_ok=True)
    with database.hold():
        finish_restore(home, place)
        staging = home / STAGING
        shutil.rmtree(staging, ignore_errors=True)
        try:
            number, made_at = _unpack(source, staging / "new")
            erased = forget_since(staging / "new", home, place, memory or Memory())
        except (
            OSError,
            tarfile.TarError,
            sqlite3.Error,
            SQLAlchemyError,
            ValueError,
            KeyError,
            TypeError,
        ) as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise BackupError(
                f"{source} cannot be restored: {error}. Nothing was changed."
            ) from error
        except BackupError:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _commit(staging)
        finish_restore(home, place)
    return Restored(number, made_at, erased)


def finish_restore(home: Path, database: Path) -> bool:
    """
    Carry a restore that was committed to its end; returns whether there was one.

    For whoever holds the database, before it is opened. Safe to repeat after a crash anywhere.
    """
    staging = home / STAGING
    if not (staging / _COMMITTED).exists():
        shutil.rmtree(staging, ignore_errors=True)
        return False
    new, old = staging / "new", staging / "old"
    old.mkdir(exist_ok=True)
    for path in sorted(path for path in new.rglob("*") if path.is_file()):
        name = path.relative_to(new)
        if name != Path(DATABASE):
            _exchange(path, home / name, old / name)
    if (new / DATABASE).exists():
        # What the old database's journal holds must not be played into the new one.
        for suffix in ("-wal", "-shm", "-journal"):
            _set_aside(database.with_name(database.name + suffix), old / f"{DATABASE}{suffix}")
        _exchange(new / DATABASE, database, old / DATABASE)
    (staging / _COMMITTED).unlink()
    shutil.rmtree(staging, ignore_errors=True)
    return True


def finish_interrupted(database: Database, home: Path) -> None:
    """
    The same for a command beside the bot, which holds nothing.

    Raises:
        DatabaseInUseError: a bot holds the database, and does it itself at its start.
    """
    if database.path and (home / STAGING / _COMMITTED).exists():
        with database.hold():
            finish_restore(home, database.path)


def _commit(staging: Path) -> None:
    for path in [*(staging / "new").rglob("*"), staging / "new", staging]:
        _sync(path)
    marker = staging / _COMMITTED
    marker.touch()
    _sync(staging)


def _exchange(new: Path, place: Path, old: Path) -> None:
    _set_aside(place, old)
    place.parent.mkdir(parents=True, exist_ok=True)
    _move(new, place)


def _set_aside(place: Path, old: Path) -> None:
    if not place.exists():
        return
    if old.exists():
        place.unlink()  # made since the old one was put aside; nothing is in it
        return
    old.parent.mkdir(parents=True, exist_ok=True)
    _move(place, old)


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(f"{target.name}.partial")
        shutil.copy2(source, partial)
        partial.replace(target)
        source.unlink()


def _unpack(source: Path, folder: Path) -> tuple[int, str]:
    """Unpack and check everything into a new folder; returns how many files, made when."""
    folder.mkdir(parents=True)
    # "r:" takes plain tar alone: nothing compressed can burst here.
    with tarfile.open(source, "r:") as tar:
        manifest = _manifest(tar)
        files: dict[str, dict[str, Any]] = manifest["files"]
        _check_room(folder, sum(int(each["size"]) for each in files.values()))
        seen: set[str] = set()
        for member in tar:
            if member.name != MANIFEST:
                _unpack_member(tar, member, files, folder, seen)
    if absent := set(files) - seen:
        raise BackupError(f"The backup is not whole: {sorted(absent)[0]} is missing in it.")
    _check_content(folder / DATABASE, str(manifest["revision"]))
    return len(seen), str(manifest.get("made_at", ""))


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    member = tar.next()
    content = tar.extractfile(member) if member and member.name == MANIFEST else None
    if member is None or content is None or member.size > _MAX_MANIFEST_BYTES:
        raise BackupError("This file is no backup of Apprentice: its list of contents is missing.")
    manifest: dict[str, Any] = json.loads(content.read())
    if manifest["format"] != FORMAT or not knows_revision(str(manifest["revision"])):
        raise BackupError(
            "This backup was made by another version of Apprentice. Restore it with the version "
            "that made it, or a newer one."
        )
    if DATABASE not in manifest["files"]:
        raise BackupError("This backup holds no database.")
    return manifest


def _unpack_member(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    files: dict[str, dict[str, Any]],
    folder: Path,
    seen: set[str],
) -> None:
    name = member.name
    path = PurePosixPath(name)
    is_plain = member.isreg() and not member.issparse() and name not in seen
    if not is_plain or name not in files or path.is_absolute() or ".." in path.parts:
        raise BackupError(f"The backup holds {name!r}, which does not belong into one.")
    if member.size != files[name]["size"]:
        raise BackupError(f"The backup is damaged: {name} has not the size it had.")
    content = tar.extractfile(member)
    assert content is not None  # a regular file
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as file:
        for chunk in _chunks(content):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != files[name]["sha256"]:
        raise BackupError(f"The backup is damaged: {name} is not what it was.")
    seen.add(name)


def _chunks(content: Any) -> Iterator[bytes]:
    while chunk := content.read(_CHUNK):
        yield chunk


def _check_content(database: Path, revision: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        check_database(connection)
    if revision_of(database) != revision:
        raise BackupError("The backup is damaged: its database is of another version than it says.")


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise BackupError(
            f"The backup needs {size / 1024**2:.0f} MB and {free / 1024**2:.0f} MB are free. Make "
            "room; nothing was changed."
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
