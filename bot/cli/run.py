"""``run``: the bot itself."""

import typer

from bot.cli.options import settings_of


def register(cli: typer.Typer) -> None:
    cli.command()(run)


def run(context: typer.Context) -> None:
    """Run the bot: Socket Mode with SLACK_APP_TOKEN, HTTP with SLACK_SIGNING_SECRET."""
    from bot.app import run_bot

    raise typer.Exit(run_bot(settings_of(context)))
