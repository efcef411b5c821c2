"""``manifest``: what to paste into Slack when the app is made."""

from pathlib import Path

import typer

MANIFEST = Path(__file__).parents[2] / "manifest.json"


def register(cli: typer.Typer) -> None:
    cli.command()(manifest)


def manifest() -> None:
    """Print the manifest that creates the Slack app."""
    print(MANIFEST.read_text(encoding="utf-8"), end="")
