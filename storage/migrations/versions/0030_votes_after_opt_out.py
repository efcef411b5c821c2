"""Whether whoever voted had been forgotten before: an earlier vote without a name may be theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "vote", sa.Column("after_opt_out", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.drop_column("vote", "after_opt_out")
