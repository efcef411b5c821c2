"""What a run is estimated at and what it took, who approved it, and what admins are told."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0020"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("estimate", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("run", sa.Column("approved_by", sa.String(), nullable=True))
    op.add_column("run", sa.Column("training_at", UtcDateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("training_seconds", sa.Float(), nullable=True))
    op.add_column("run", sa.Column("cost", sa.Float(), nullable=True))
    op.create_table(
        "admin_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("not_before", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "key"),
    )


def downgrade() -> None:
    op.drop_table("admin_notice")
    for column in ("cost", "training_seconds", "training_at", "approved_by", "estimate"):
        op.drop_column("run", column)
