"""What changed in threads lately, who reads along, and when a thread last got a comment."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "live_event",
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("root_id", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("respects", sa.Integer(), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('comment', 'edited', 'gone', 'respect', 'thread')", name=op.f("ck_live_event_kind")
        ),
        sa.CheckConstraint("(comment_id IS NULL) = (kind = 'thread')", name=op.f("ck_live_event_subject")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_live_event_comment_id_comment")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_live_event_thread_id_thread")),
        sa.PrimaryKeyConstraint("thread_id", "number", name=op.f("pk_live_event")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reading_now",
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(length=80), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("seen_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("readers >= 0", name=op.f("ck_reading_now_readers")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_reading_now_thread_id_thread")),
        sa.PrimaryKeyConstraint("thread_id", "process", name=op.f("pk_reading_now")),
        sqlite_with_rowid=False,
    )
    op.add_column("thread", sa.Column("last_comment_at", core.db.UTCDateTime(), nullable=True))
    op.execute(
        "UPDATE thread SET last_comment_at ="
        " (SELECT max(published_at) FROM comment WHERE comment.thread_id = thread.id AND comment.status = 'published')"
    )


def downgrade() -> None:
    op.drop_column("thread", "last_comment_at")
    op.drop_table("reading_now")
    op.drop_table("live_event")
