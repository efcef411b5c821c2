"""Files that appear under their name only once they are whole, and standard output."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bot.dataset.errors import ExportRefusedError

STDOUT = "-"


@contextmanager
def target(path: str, encoding: str) -> Iterator[IO[str]]:
    if path == STDOUT:
        with _standard_output() as out:
            yield out
        return
    wanted = Path(path)
    refuse_folder(wanted)
    try:
        # Readable by its owner alone, as `mkstemp` makes files: it is what a team said.
        handle, name = tempfile.mkstemp(dir=wanted.absolute().parent, prefix=f".{wanted.name}.")
    except OSError as error:
        raise refusal(wanted, error) from None
    try:
        with os.fdopen(handle, "w", encoding=encoding, newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, wanted)
    except OSError as error:
        raise refusal(wanted, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _standard_output() -> Iterator[IO[str]]:
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough. Python would complain again when it flushes on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise ExportRefusedError(f"{path} is a folder. Name a file in it: -o {path / 'export'}.")


def refusal(path: Path, error: OSError) -> ExportRefusedError:
    reason = error.strerror or "it cannot be opened"
    return ExportRefusedError(f"{path} cannot be written: {reason}. Name another place with -o.")


def replace_folder(made: Path, wanted: Path) -> None:
    """Put a finished folder where an older one of ours may stand."""
    old = wanted.with_name(f".{wanted.name}.old")
    if wanted.exists():
        os.replace(wanted, old)
    os.replace(made, wanted)
    shutil.rmtree(old, ignore_errors=True)
