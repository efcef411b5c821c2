"""Whether a model answered a question, or what comes closest was quoted, or nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "question", sa.Column("standing", sa.String(), nullable=False, server_default="sure")
    )


def downgrade() -> None:
    op.drop_column("question", "standing")
