"""Snapshots that the database itself keeps as they are, and opinions of nobody."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# A row may become a tombstone, once and for good; whole snapshots may be pruned.
IMMUTABLE = (
    """
    CREATE TRIGGER snapshot_no_update BEFORE UPDATE ON snapshot BEGIN
        SELECT RAISE(ABORT, 'a snapshot never changes');
    END
    """,
    """
    CREATE TRIGGER snapshot_row_no_update BEFORE UPDATE ON snapshot_row
    WHEN NOT (
        new.id IS old.id AND new.team_id IS old.team_id AND new.snapshot_id IS old.snapshot_id
        AND new.position IS old.position AND new.split IS old.split
        AND new.example_id IS old.example_id
        AND new.question_source IS old.question_source
        AND new.answer_source IS old.answer_source AND new.row_hash IS old.row_hash
        AND new.erased AND new.question = '' AND new.answer = '' AND new.context = '[]'
    ) BEGIN
        SELECT RAISE(ABORT, 'a snapshot never changes');
    END
    """,
)


def upgrade() -> None:
    # Whoever was forgotten before this version may have said the same again (decision 0123).
    for table in ("feedback", "blind_vote"):
        op.execute(f"DELETE FROM {table} WHERE user_id LIKE 'erased-%'")
    if op.get_bind().dialect.name == "sqlite":
        for statement in IMMUTABLE:
            op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER snapshot_row_no_update")
        op.execute("DROP TRIGGER snapshot_no_update")
