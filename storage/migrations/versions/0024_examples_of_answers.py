"""Which examples stood in the prompt of an evaluation's answer, so that it is erased with them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "evaluation_answer",
        sa.Column("example_ids", sa.JSON(), nullable=False, server_default="[]"),
    )


def downgrade() -> None:
    op.drop_column("evaluation_answer", "example_ids")
