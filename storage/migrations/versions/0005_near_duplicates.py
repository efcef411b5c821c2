"""Pairs of near-duplicates, and a full-text index over what waits for a curator too."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Triggers keep the index true whoever writes: an example's words are gone from the index in the
# transaction that rejects it or takes it back. A change of anything else leaves the index alone.
FULL_TEXT_INDEX = (
    "DROP TRIGGER example_text_insert",
    "DROP TRIGGER example_text_update",
    """
    CREATE TRIGGER example_text_insert AFTER INSERT ON example
    WHEN new.state IN ('proposed', 'approved', 'disputed') BEGIN
        INSERT INTO example_text (rowid, question, answer)
        VALUES (new.id, new.question, new.answer);
    END
    """,
    """
    CREATE TRIGGER example_text_update AFTER UPDATE OF id, state, question, answer ON example BEGIN
        DELETE FROM example_text WHERE rowid = old.id;
        INSERT INTO example_text (rowid, question, answer)
        SELECT new.id, new.question, new.answer
        WHERE new.state IN ('proposed', 'approved', 'disputed');
    END
    """,
    """
    INSERT INTO example_text (rowid, question, answer)
    SELECT id, question, answer FROM example WHERE state IN ('proposed', 'disputed')
    """,
)


def upgrade() -> None:
    op.create_table(
        "near_duplicate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("similarity", sa.Float(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "near_duplicate",
                "contradiction",
                name="nearduplicatekind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "merged",
                "kept_apart",
                name="nearduplicatestate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("resolved_at", storage.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["first_id"], ["example.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["second_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "first_id", "second_id"),
    )
    with op.batch_alter_table("near_duplicate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_near_duplicate_first_id"), ["first_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_near_duplicate_second_id"), ["second_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_near_duplicate_state"), ["state"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for statement in FULL_TEXT_INDEX:
            op.execute(statement)


def downgrade() -> None:
    # The index may keep what waits for a curator: who searches it looks at the state too.
    op.drop_table("near_duplicate")
