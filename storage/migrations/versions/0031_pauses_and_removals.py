"""Runs whose job rests, and notices that offer to remove a deployment."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("admin_notice", sa.Column("deployment_id", sa.Integer(), nullable=True))
    op.add_column("run", sa.Column("can_pause", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("pause_requested_by", sa.String(), nullable=True))
    op.add_column("run", sa.Column("paused_at", UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("admin_notice", "deployment_id")
    for column in ("paused_at", "pause_requested_by", "can_pause"):
        op.drop_column("run", column)
