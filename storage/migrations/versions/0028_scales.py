"""How strongly a version's adapter acts, wherever it is said which strategy answers."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None

_TABLES = ("promotion", "canary", "pin")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("scale", sa.Float(), nullable=False, server_default="1"))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "scale")
