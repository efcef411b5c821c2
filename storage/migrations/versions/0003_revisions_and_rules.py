"""What examples said before, the rules of a place, tags, and votes that are held back."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN: making the table anew, as batches do, would lose its full-text triggers.
    op.add_column("example", sa.Column("tags", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("example", sa.Column("original_answer", sa.String(), nullable=True))
    op.add_column("example", sa.Column("held_reason", sa.String(), nullable=True))
    op.add_column("vote", sa.Column("reason", sa.String(), nullable=True))
    op.add_column("vote", sa.Column("cleared_by", sa.String(), nullable=True))
    op.create_index("ix_vote_of_a_person", "vote", ["team_id", "user_id", "order_key"])
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("example_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=True),
        sa.Column(
            "reason",
            sa.Enum(
                "created", "edited", "corrected", "followed", "message_edited", "merged",
                "restored", name="revisionreason", native_enum=False, length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "example_id", "number"),
    )  # fmt: skip
    op.create_index(op.f("ix_revision_example_id"), "revision", ["example_id"])
    op.execute(
        "INSERT INTO revision (team_id, example_id, number, question, answer, context, tags, "
        "author_id, reason, made_at) SELECT team_id, id, revision, question, answer, context, "
        "tags, NULL, 'created', updated_at FROM example"
    )
    op.create_table(
        "curation_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "channel_id"),
    )


def downgrade() -> None:
    op.drop_table("curation_rules")
    op.drop_index(op.f("ix_revision_example_id"), "revision")
    op.drop_table("revision")
    op.drop_index("ix_vote_of_a_person", "vote")
    op.drop_column("vote", "cleared_by")
    op.drop_column("vote", "reason")
    op.drop_column("example", "held_reason")
    op.drop_column("example", "original_answer")
    op.drop_column("example", "tags")
