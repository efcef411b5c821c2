"""``backup`` and ``restore``: everything the bot knows, as one file."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import settings_of


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
) -> None:
    """Replace database and model versions by those of a backup. Stop the bot first."""
    from bot.restore import restore_backup
    from storage.database import Database

    settings = settings_of(context)
    database = Database(settings.effective_database_url)
    try:
        number = restore_backup(database, settings.apprentice_home, path)
    finally:
        database.close()
    print(f"Restored {counted(number)}. Start the bot; it brings the database up to date.")


def counted(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
