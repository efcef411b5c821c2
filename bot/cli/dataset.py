"""``dataset``: what the team taught, as files and as frozen versions."""

import typer

from bot.cli import dataset_check, dataset_files, dataset_snapshots

cli = typer.Typer(
    help="The data set: files in and out, frozen versions, checks.", no_args_is_help=True
)
for module in (dataset_snapshots, dataset_check, dataset_files):
    module.register(cli)
