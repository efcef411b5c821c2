"""What several commands share: settings, the database, the team, and how answers are printed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlmodel import Session, col, select

from bot.errors import NotFoundError, SettingsError
from bot.restore import finish_interrupted
from bot.restored import forget_unknown
from bot.settings import Settings
from storage import ledger
from storage.audience import WORKSPACE
from storage.database import Database
from storage.ledger import Ledger
from storage.schema import upgrade
from storage.tables import Example, Run

if TYPE_CHECKING:
    from bot.curation.redaction import Redactor

DEMO_TEAM = "T0DEMO"

TeamOption = Annotated[
    str, typer.Option("--team", help="Workspace id; by default the only one, else T0DEMO.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
AudienceOption = Annotated[
    str, typer.Option("--audience", help="`workspace`, or the id of one private channel.")
]


def settings_of(context: typer.Context, **overrides: Any) -> Settings:
    """
    Raises:
        SettingsError: a variable is wrong.
    """
    settings: Settings = context.obj(**overrides)
    return settings


def redactor_of(settings: Settings) -> "Redactor":
    """
    Raises:
        SettingsError: a pattern or a country is wrong.
    """
    from bot.curation.redaction import Redactor

    return Redactor(settings.redaction_patterns, settings.phone_regions)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database at its newest schema; works beside a running bot."""
    home = settings.apprentice_home
    database = Database(
        settings.effective_database_url, redactor_of(settings).text, Ledger(home / ledger.FILE)
    )
    try:
        finish_interrupted(database, home)
        upgrade(database)
        forget_unknown(database, home, settings.forget_within_days)
        yield database
    finally:
        database.close()


def team_of(database: Database, team: str) -> str:
    """
    Raises:
        SettingsError: there are several workspaces and none was named.
    """
    if team:
        return team
    with database.read() as session:
        teams = set(session.exec(select(col(Example.team_id)).distinct()))
        teams |= set(session.exec(select(col(Run.team_id)).distinct()))
    if len(teams) > 1:
        raise SettingsError(
            f"This database holds {len(teams)} workspaces. Name one: --team "
            + " or --team ".join(sorted(teams))
        )
    return teams.pop() if teams else DEMO_TEAM


def require_audience(session: Session, team_id: str, audience: str) -> None:
    """
    Raises:
        NotFoundError: nobody taught anything there; a mistyped id would train on, or advise of,
            the workspace's examples alone.
    """
    of_channels = select(col(Example.audience)).where(
        Example.team_id == team_id, Example.audience != WORKSPACE
    )
    known = [WORKSPACE, *sorted(session.exec(of_channels.distinct()))]
    if audience not in known:
        raise NotFoundError(
            f"There is no example of {audience}. Audiences with examples: {', '.join(known)}."
        )


def print_rows(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows as an aligned table, of which nothing is cut off, or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2, default=str, ensure_ascii=False))
        return
    if not rows:
        print(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for number, name in enumerate(rows[0]):
        # What a row is called by is copied into the next command.
        table.add_column(name, no_wrap=number == 0, overflow="fold", min_width=len(name))
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
