"""
The command line: every command translates its options, calls one verb and prints.

Nothing heavy is imported before a command needs it, so that ``--help`` is instant.
"""

import sqlite3
import sys
from collections.abc import Callable

import typer
from sqlalchemy.exc import DBAPIError

from bot.cli import (
    advise,
    backup,
    dataset,
    demo,
    doctor,
    evaluate,
    manifest,
    models,
    run,
    train,
    trainer,
)
from bot.cli.troubles import in_words
from bot.errors import BotError
from bot.settings import Settings

cli = typer.Typer(
    name="python -m bot",
    help="Apprentice: a Slack bot that learns from its team.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (run, demo, train, evaluate, advise, trainer, doctor, manifest, backup):
    module.register(cli)
cli.add_typer(dataset.cli, name="dataset")
cli.add_typer(models.cli, name="models")


def main(load_settings: Callable[..., Settings]) -> int:
    """Run the command; what a person may read goes to standard error, in one sentence."""
    try:
        cli(obj=load_settings, prog_name="python -m bot")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BotError as error:
        print(error, file=sys.stderr)
        return 1
    except (DBAPIError, sqlite3.Error, OSError) as error:
        if (said := in_words(error)) is None:
            raise
        print(said, file=sys.stderr)
        return 1
    return 0
