"""Whose words an example holds, who wants none kept, and what was erased or is to be."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN: making the table anew, as batches do, would lose its full-text triggers.
    for table, name, kind in _COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    _create_tables()
    # What is there already knows its first messages and their authors; that is followed too.
    for part, ts, person in (
        ("question", "question_ts", "asker_id"),
        ("answer", "answer_ts", "author_id"),
    ):
        op.execute(
            "INSERT INTO example_message (team_id, example_id, channel_id, message_ts, user_id, "
            f"part) SELECT team_id, id, channel_id, {ts}, {person}, '{part}' FROM example "
            f"WHERE channel_id IS NOT NULL AND {ts} IS NOT NULL"
        )


def _create_tables() -> None:
    op.create_table(
        "example_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("example_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("message_ts", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("part", _enum("part", "question", "answer", "context"), nullable=False),
        sa.ForeignKeyConstraint(["example_id"], ["example.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "example_id", "channel_id", "message_ts"),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "example_message", columns)
    for table, since in (("opt_out", "since"), ("told_author", "told_at")):
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("team_id", sa.String(), nullable=False),
            sa.Column("person", sa.String(), nullable=False),
            sa.Column(since, UtcDateTime(timezone=True), nullable=False),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("team_id", "person"),
        )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("kind", _enum("erasurekind", "person", "message", "workspace"), nullable=False),
        sa.Column("state", _enum("erasurestate", "asked", "rows_erased", "done"), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("run_ids", sa.JSON(), nullable=False),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("due_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("done_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("team_id", "receipt"),
    )
    op.create_index("ix_erasure_state", "erasure", ["state"])


def downgrade() -> None:
    for table in ("erasure", "told_author", "opt_out", "example_message"):
        op.drop_table(table)
    for table, name, _ in reversed(_COLUMNS):
        op.drop_column(table, name)


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=32)


_TIME, _TEXT = UtcDateTime(timezone=True), sa.String()
_COLUMNS = (
    ("example", "stale_since", _TIME),
    ("example", "stale_reason", _TEXT),
    ("example", "proposal", sa.JSON()),
    ("example", "erased_at", _TIME),
    ("wording", "asker_id", _TEXT),
    ("wording", "channel_id", _TEXT),
    ("wording", "message_ts", _TEXT),
    ("model_version", "tainted_at", _TIME),
    ("model_version", "serve_until", _TIME),
)
_INDEXES = {
    "ix_example_message_example_id": ["example_id"],
    "ix_example_message_place": ["team_id", "channel_id", "message_ts"],
    "ix_example_message_person": ["team_id", "user_id"],
}
