"""``demo``: sandbox and bot, on this machine alone."""

from typing import Annotated

import typer

from bot.cli.options import settings_of


def register(cli: typer.Typer) -> None:
    cli.command()(demo)


def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port of the page.", min=1, max=65535)] = 3000,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo's data first.")] = False,
) -> None:
    """Start a local workspace with the bot in it, and print the page's address."""
    from bot.demo import run_demo

    raise typer.Exit(run_demo(settings_of(context), port=port, reset=reset))
