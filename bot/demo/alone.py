"""One demo per data folder: a second one would erase, or write over, what the first one uses."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import BotError

LOCK_FILE = "demo.lock"


class DemoRunsError(BotError):
    """Raised when another demo uses the same folder; says where it is."""

    def __init__(self, home: Path, address: str) -> None:
        super().__init__(
            f"A demo is running with the data in {home}: open {address}, or stop it first. "
            "For one more, give it a folder and a port of its own: "
            "APPRENTICE_HOME=other make demo PORT=3001"
        )


@contextmanager
def alone(home: Path, address: str) -> Iterator[None]:
    """
    Hold the folder while the demo runs; the system lets go of it when the process ends.

    Raises:
        DemoRunsError: another demo holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise DemoRunsError(home, lock.read().strip()) from error
        lock.truncate(0)
        lock.write(address)
        lock.flush()
        yield
