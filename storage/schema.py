"""Bringing a database to the newest schema, at every start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

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
    """Apply what is missing, in one transaction: a start that is killed changes nothing."""
    config = _config()
    with database.engine.execution_options(apprentice_begin="IMMEDIATE").begin() as connection:
        begin(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
