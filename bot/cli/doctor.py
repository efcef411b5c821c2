"""``doctor``: is everything in place, and what to do where it is not."""

import json

import typer

from bot.cli.options import JsonOption, settings_of


def register(cli: typer.Typer) -> None:
    cli.command()(doctor)


def doctor(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check tokens, scopes, events, database, model and engine; say what to mend."""
    from bot.doctor import examine

    findings = examine(settings_of(context))
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.ok else 'FIX '} {finding.subject}: {finding.sentence}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
