"""What examples mean, as vectors."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0009"
down_revision = "0024"
branch_labels = None
depends_on = None

# As for the full-text index: whoever writes, a vector goes with the words it was made from.
OLD_WORDS = """
    CREATE TRIGGER example_vector_update AFTER UPDATE OF state, question, answer ON example
    WHEN new.question IS NOT old.question OR new.answer IS NOT old.answer
        OR new.state NOT IN ('proposed', 'approved', 'disputed')
    BEGIN
        DELETE FROM example_vector WHERE example_id = old.id;
    END
"""


def upgrade() -> None:
    op.create_table(
        "example_vector",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("example_id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("is_compared", sa.Boolean(), nullable=False),
        sa.Column("created_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "model", "example_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_example_vector_example_id", "example_vector", ["example_id", "model"])
    op.create_index("ix_example_vector_is_compared", "example_vector", ["is_compared"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(OLD_WORDS)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER example_vector_update")
    op.drop_table("example_vector")
