"""How Alembic finds our tables. Run through ``storage.schema``, or by hand in development."""

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

import storage.tables  # noqa: F401  # importing registers the tables
from storage.schema import FULL_TEXT_TABLES


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    # The shadow tables of a full-text index belong to SQLite, not to us.
    return type_ != "table" or not (name or "").startswith(FULL_TEXT_TABLES)


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=include_name,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    url = context.get_x_argument(as_dictionary=True).get("url", "sqlite://")
    with create_engine(url).connect() as own_connection:
        migrate(own_connection)
