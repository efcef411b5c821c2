"""Tuned models that stay with the provider, and how a run was trained."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_version", sa.Column("remote_id", sa.String(), nullable=True))
    op.add_column("model_version", sa.Column("served_by", sa.String(), nullable=True))
    op.add_column("run", sa.Column("record", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("run", "record")
    op.drop_column("model_version", "served_by")
    op.drop_column("model_version", "remote_id")
