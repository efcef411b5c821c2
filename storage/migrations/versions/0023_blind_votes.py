"""People's blind votes on pairs of answers."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    preferred = sa.Enum(
        "tuned", "prompted", "neither", name="preferred", native_enum=False, length=32
    )
    op.create_table(
        "blind_vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("snapshot_row_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("preferred", preferred, nullable=False),
        sa.Column("tuned_was_first", sa.Boolean(), nullable=False),
        sa.Column("created_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.ForeignKeyConstraint(["snapshot_row_id"], ["snapshot_row.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "run_id", "snapshot_row_id", "user_id"),
    )
    op.create_index("ix_blind_vote_run_id", "blind_vote", ["run_id"])


def downgrade() -> None:
    op.drop_table("blind_vote")
