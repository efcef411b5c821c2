"""What reviewers decided, who is told of it, and questions nobody has answered yet."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN: making the table anew, as batches do, would lose its full-text triggers.
    op.execute(
        "ALTER TABLE example ADD COLUMN merged_into INTEGER "
        "REFERENCES example (id) ON DELETE SET NULL"
    )
    op.add_column("example", sa.Column("reviewed_at", UtcDateTime(timezone=True), nullable=True))
    op.create_table(
        "review_action",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("verb", _enum("verb", _VERBS), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("seconded_by", sa.String(), nullable=True),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("example_id", sa.Integer(), nullable=True),
        sa.Column("other_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("made_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_review_action_example_id", "review_action", ["example_id"])
    op.create_index("ix_review_action_other_id", "review_action", ["other_id"])
    op.create_table(
        "contributor_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("example_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("due_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "example_id", "user_id"),
    )
    op.create_index("ix_contributor_notice_example_id", "contributor_notice", ["example_id"])
    op.create_table(
        "unanswered",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column(
            "state", _enum("unansweredstate", ("open", "answered", "dismissed")), nullable=False
        ),
        sa.Column("example_id", sa.Integer(), nullable=True),
        sa.Column("first_asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "audience", "topic"),
    )
    op.create_index("ix_unanswered_state", "unanswered", ["state"])
    op.create_table(
        "unanswered_ask",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("unanswered_id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column(
            "why",
            _enum("whyunanswered", ("no_example", "abstained", "bad_answer")),
            nullable=False,
        ),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["question_id"], ["question.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["unanswered_id"], ["unanswered.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "question_id"),
    )
    op.create_index("ix_unanswered_ask_unanswered_id", "unanswered_ask", ["unanswered_id"])
    op.create_index("ix_unanswered_ask_user_id", "unanswered_ask", ["user_id"])


def downgrade() -> None:
    for table in ("unanswered_ask", "unanswered", "contributor_notice", "review_action"):
        op.drop_table(table)
    op.drop_column("example", "reviewed_at")
    op.drop_column("example", "merged_into")


_VERBS = (
    "approve", "reject", "edit", "merge", "change_audience", "ask_audience", "keep_apart",
    "settle", "confirm", "take_edit", "add_wording", "dismiss",
)  # fmt: skip


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=32)
