"""
Takes out of a backup what was taken back since it was made, before it becomes the data.

What was taken back is in the ledgers: that of this data folder, that inside the backup, and one
that may be brought from another machine. They are merged, and the merged one is restored too.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot.errors import BackupError
from storage import audit, ledger, sweeping
from storage.database import Database
from storage.ledger import Entry, Ledger, Taken
from storage.schema import upgrade

if TYPE_CHECKING:
    from bot.pipeline.run_files import Erasing


@dataclass(frozen=True)
class Memory:
    """
    What a restore goes by besides the backup: another machine's ledger, for how long a live
    version may outlast an erasure, and the trainers that keep what they are given elsewhere.
    """

    ledger: Path | None = None
    serve_days: float = 7
    elsewhere: "Mapping[str, Erasing]" = field(default_factory=dict)


@dataclass(frozen=True)
class Erased:
    """
    How many of what were erased again. ``is_sure`` is False where no ledger from after the backup
    was found, ``damaged`` counts lines of ledgers that cannot be read.
    """

    counts: Mapping[Taken, int]
    is_sure: bool
    damaged: int


def forget_since(new: Path, home: Path, old_database: Path, memory: Memory) -> Erased:
    """
    Erase in the unpacked folder ``new`` what any ledger says, and put the merged ledger there.

    Raises:
        BackupError: the ledger that was named is none.
    """
    here = Ledger(home / ledger.FILE)
    is_sure = here.path.exists() or _begin(here, old_database)
    entries, damaged = here.read()
    if memory.ledger is not None:
        brought, bad = _brought(memory.ledger)
        entries, damaged, is_sure = [*entries, *brought], damaged + bad, True
    inside, bad = Ledger(new / ledger.FILE).read()
    merged = list({entry.id: entry for entry in [*entries, *inside]}.values())
    Ledger(new / ledger.FILE).write(merged)
    return Erased(_forget(new, merged, memory), is_sure, damaged + bad)


def forget_unknown(database: Database, home: Path, serve_days: float) -> None:
    """
    Erase what a database does not know to be erased, however it came here: copied by hand, or left
    by a crash between the ledger and the commit. Begins the ledger where there is none.
    """
    from bot.curation import forgetting_again

    file = Ledger(home / ledger.FILE)
    if not file.path.exists():
        home.mkdir(parents=True, exist_ok=True)
        with database.read() as session:
            file.write(forgetting_again.from_before(session))
    entries, _ = file.read()
    with database.read() as session:
        if not ledger.unknown(session, entries):
            return
    with database.write() as session:
        counts = forgetting_again.forget_again(session, entries, serve_days)
    if any(counts.values()):
        database.scrub()


def _forget(new: Path, entries: list[Entry], memory: Memory) -> Mapping[Taken, int]:
    from bot.backup import DATABASE
    from bot.curation import forgetting_again
    from bot.pipeline.forgetting import Broom, end_overdue

    database = Database(f"sqlite:///{new / DATABASE}")
    try:
        upgrade(database)
        with database.write() as session:
            counts = forgetting_again.forget_again(
                session, entries, memory.serve_days, restored=True
            )
            for team_id in sweeping.team_ids(session):
                # What was on record after the backup was made went with what is replaced.
                audit.record(
                    session, team_id, actor="operator", action="workspace.restored",
                    subject=f"workspace:{team_id}",
                    details={taken.value: number for taken, number in counts.items()},
                )  # fmt: skip
        if counts:
            # The files of versions whose time is over do not come back either.
            end_overdue(Broom(database, new, memory.serve_days, elsewhere=memory.elsewhere))
        database.scrub()
    finally:
        database.close()
    with closing(sqlite3.connect(new / DATABASE)) as raw:
        # One file: what lies beside it would be taken for a file of the backup.
        raw.execute("PRAGMA journal_mode = DELETE")
    return counts


def _begin(here: Ledger, old_database: Path) -> bool:
    """Make a ledger from the database that is about to go, if it is there and can be read."""
    from bot.curation import forgetting_again

    if not old_database.is_file():
        return False
    database = Database(f"sqlite:///{old_database}")
    try:
        with database.read() as session:
            here.write(forgetting_again.from_before(session))
    except SQLAlchemyError:
        return False
    finally:
        database.close()
    return True


def _brought(path: Path) -> tuple[list[Entry], int]:
    if not path.is_file():
        raise BackupError(f"There is no file {path}. Nothing was changed.")
    entries, damaged = Ledger(path).read()
    if damaged and not entries:
        raise BackupError(
            f"{path} is no ledger of erasures: bring the file {ledger.FILE} of the other "
            "machine's data folder. Nothing was changed."
        )
    return entries, damaged
