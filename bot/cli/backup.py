"""``backup`` and ``restore``: everything the bot knows, as one file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import settings_of
from storage.ledger import Taken

if TYPE_CHECKING:
    from bot.restore import Restored

_TAKEN = {
    Taken.PERSON: "person",
    Taken.MESSAGE: "deleted message",
    Taken.EDIT: "edited message",
    Taken.CHANNEL: "closed channel",
    Taken.EXAMPLE: "narrowed example",
    Taken.WORKSPACE: "workspace",
}


def register(cli: typer.Typer) -> None:
    cli.command()(backup)
    cli.command()(restore)


def backup(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The file to write; none is replaced.")],
) -> None:
    """Write database and model versions to one file, also while the bot runs."""
    from bot.backup import write_backup
    from storage.database import Database

    settings = settings_of(context)
    database = Database(settings.effective_database_url)
    try:
        written = write_backup(database, settings.apprentice_home, path)
    finally:
        database.close()
    print(f"{counted(written.files)}, {written.size / 1024**2:.1f} MB, in {path}. It holds what "
          "your team wrote: keep it as you keep that.")  # fmt: skip
    for name in written.missing:
        print(f"The files of {name} are missing, so they are not in it.")


def restore(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    ledger: Annotated[
        Path | None,
        typer.Option(help="The file erasures.jsonl of another data folder: what was erased there."),
    ] = None,
) -> None:
    """
    Replace database and model versions by those of a backup. Stop the bot first.

    What people took back after the backup was made stays erased.
    """
    from bot.restore import restore_backup
    from bot.restored import Memory
    from bot.trainers import trainers_elsewhere
    from storage.database import Database

    settings = settings_of(context)
    memory = Memory(ledger, settings.forget_within_days, trainers_elsewhere(settings))
    database = Database(settings.effective_database_url)
    try:
        restored = restore_backup(database, settings.apprentice_home, path, memory)
    finally:
        database.close()
    print(f"Restored {counted(restored.files)}. Start the bot; it brings the rest up to date.")
    for line in about_erasures(restored):
        print(line)


def about_erasures(restored: "Restored") -> Iterator[str]:
    """What stayed erased, and plainly what may not have."""
    erased = restored.erased
    made = f", on {restored.made_at}" if restored.made_at else ""
    if erased.counts:
        listed = ", ".join(
            f"{number} {_TAKEN[taken]}{'' if number == 1 else 's'}"
            for taken, number in erased.counts.items()
        )
        yield f"Taken back since the backup was made{made}, and erased again: {listed}."
    if erased.damaged:
        yield (
            f"{erased.damaged} lines of the ledger of erasures cannot be read: what they said is "
            "not erased again. Look through the examples before you start the bot."
        )
    if not erased.is_sure:
        yield (
            "ATTENTION: this data folder has no ledger of erasures. What people took back after "
            f"the backup was made{made} is here again. Before you start the bot, bring the file "
            "erasures.jsonl from the data folder the backup comes from, and restore once more "
            "with --ledger FILE. If it is lost, ask those who asked to be forgotten to do so again."
        )


def counted(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
