"""Deployments of tuned models, and what they cost."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0026"
down_revision = "0028"
branch_labels = None
depends_on = None

_TIMES = ("ready_at", "looked_at", "doubted_at", "used_at", "ended_at", "not_before")


def upgrade() -> None:
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("trainer", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hosting_per_hour", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("removal_by", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        *(sa.Column(name, UtcDateTime(timezone=True), nullable=True) for name in _TIMES),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("team_id", "version_id", "state"):
        op.create_index(f"ix_deployment_{column}", "deployment", [column])


def downgrade() -> None:
    op.drop_table("deployment")
