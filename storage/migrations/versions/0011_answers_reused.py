"""Answers of an evaluation are known by what was asked, so that nothing is asked twice."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("evaluation_answer") as table:
        table.add_column(sa.Column("asked", sa.String(), nullable=True))
        table.add_column(
            sa.Column("is_reused", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.create_index("ix_evaluation_answer_asked", ["asked"])


def downgrade() -> None:
    with op.batch_alter_table("evaluation_answer") as table:
        table.drop_index("ix_evaluation_answer_asked")
        table.drop_column("is_reused")
        table.drop_column("asked")
