"""Which entries of the ledger of erasures a database knows."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("entry", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )


def downgrade() -> None:
    op.drop_table("ledger_entry")
