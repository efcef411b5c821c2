"""The audit table, to which entries are only ever added."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# ``storage.audit`` explains the two exceptions: a pseudonym, and a workspace that leaves.
APPEND_ONLY = (
    """
    CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry
    WHEN NOT (
        new.id IS old.id AND new.team_id IS old.team_id AND new.at IS old.at
        AND new.action IS old.action AND new.audience IS old.audience
        AND new.details IS old.details
        AND (new.actor IS old.actor OR new.actor GLOB 'erased-*')
        AND (new.subject IS old.subject
             OR (old.subject GLOB 'person:*' AND new.subject GLOB 'person:erased-*'))
    ) BEGIN
        SELECT RAISE(ABORT, 'the audit table is only ever added to');
    END
    """,
    """
    CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
    WHEN NOT EXISTS (
        SELECT 1 FROM setting WHERE team_id = old.team_id AND key = 'purging_audit'
    ) BEGIN
        SELECT RAISE(ABORT, 'the audit table is only ever added to');
    END
    """,
)


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_audit_entry_team_id"), "audit_entry", ["team_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for statement in APPEND_ONLY:
            op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_entry_team_id"), table_name="audit_entry")
    op.drop_table("audit_entry")
