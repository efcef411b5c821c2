"""Whether an adapter's file is still the one that was made: there, and unchanged."""

import hashlib
from functools import lru_cache
from pathlib import Path


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path, checksum: str) -> bool:
    """
    ``checksum`` is the SHA-256 of the file when it was made; empty says nothing.

    A file is read once and again only after it changed: serving looks every other second.
    """
    try:
        now = path.stat()
        if not checksum:
            return path.is_file()
        return _digest(path, now.st_ino, now.st_size, now.st_mtime_ns) == checksum
    except OSError:
        return False


@lru_cache(maxsize=256)
def _digest(path: Path, *_stands_as: int) -> str:
    return sha256_of(path)
