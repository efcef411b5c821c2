"""Bringing a database to the newest schema, at every start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.errors import NewerDatabaseError
from storage.database import Database, begin

#: Names that begin so belong to SQLite's full-text search and are made by hand in a migration.
FULL_TEXT_TABLES = "example_text"


def knows_revision(revision: str) -> bool:
    """Say whether this version of the program can bring such a database up to date."""
    scripts = ScriptDirectory.from_config(_config())
    return revision in {script.revision for script in scripts.walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(database: Database) -> None:
    """
    Apply what is missing, in one transaction: a start that is killed changes nothing.

    Raises:
        NewerDatabaseError: a newer version of the program was here before.
    """
    config = _config()
    if _is_newest(database, config):
        return  # a command that only reads does not wait for whoever writes
    with database.engine.execution_options(apprentice_begin="IMMEDIATE").begin() as connection:
        begin(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_newest(database: Database, config: Config) -> bool:
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and not knows_revision(found):
        raise NewerDatabaseError
    return found == ScriptDirectory.from_config(config).get_current_head()
