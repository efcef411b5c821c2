"""Canaries, pins, feedback on answers, and why a promotion was taken back."""

import sqlalchemy as sa
from alembic import op

import storage.columns

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    op.create_table(
        "canary",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("live_id", sa.Integer(), nullable=True),
        sa.Column("examples", sa.Integer(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", storage.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"]),
        sa.ForeignKeyConstraint(["live_id"], ["model_version.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_canary_team_id", "canary", ["team_id"])
    op.create_index(
        "ix_canary_running", "canary", ["team_id", "audience"], unique=True,
        sqlite_where=_RUNNING, postgresql_where=_RUNNING,
    )  # fmt: skip
    op.create_table(
        "pin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("examples", sa.Integer(), nullable=False),
        sa.Column("pinned_by", sa.String(), nullable=False),
        sa.Column("pinned_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["model_version.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "channel_id"),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("created_at", storage.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["question_id"], ["question.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "key"),
    )
    op.create_index("ix_feedback_question_id", "feedback", ["question_id"])
    op.add_column("question", sa.Column("canary_id", sa.Integer(), nullable=True))
    op.add_column(
        "question",
        sa.Column("engine_failed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_question_canary_id", "question", ["canary_id"])
    op.create_index("ix_question_version", "question", ["team_id", "version_name"])
    op.add_column("promotion", sa.Column("reason", sa.String(), nullable=True))
    op.add_column(
        "model_version",
        sa.Column("taken_back_at", storage.columns.UtcDateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("model_version", "taken_back_at")
    op.drop_column("promotion", "reason")
    op.drop_index("ix_question_version", "question")
    op.drop_index("ix_question_canary_id", "question")
    op.drop_column("question", "engine_failed")
    op.drop_column("question", "canary_id")
    op.drop_table("feedback")
    op.drop_table("pin")
    op.drop_table("canary")
