"""Orders of a thread and who chose them, when a comment arrived in its thread, and readers' visits."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0005"
down_revision = "0004"

SORTS = "('best', 'newest', 'oldest', 'discussed')"
ROOTS = sa.text("parent_id IS NULL")
REPLIES = sa.text("parent_id IS NOT NULL")
PUBLISHED = sa.text("status = 'published'")


def upgrade() -> None:
    # Columns with their checks, in the spelling that both databases add without copying the table.
    op.execute(
        "ALTER TABLE site ADD COLUMN default_sort VARCHAR(10) DEFAULT 'best' NOT NULL"
        f" CONSTRAINT ck_site_default_sort CHECK (default_sort IN {SORTS})"
    )
    op.execute(
        "ALTER TABLE section ADD COLUMN default_sort VARCHAR(10)"
        f" CONSTRAINT ck_section_default_sort CHECK (default_sort IN {SORTS})"
    )
    op.execute(
        'ALTER TABLE "user" ADD COLUMN thread_sort VARCHAR(10)'
        f" CONSTRAINT ck_user_thread_sort CHECK (thread_sort IN {SORTS})"
    )
    op.add_column("user", sa.Column("reading_keys", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("comment", sa.Column("published_number", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("ix_comment_parent", "comment")
    op.create_index(
        "ix_comment_parent", "comment", ["parent_id", "shown", "id"], sqlite_where=REPLIES, postgresql_where=REPLIES
    )
    op.create_index(
        "ix_comment_roots_discussed", "comment", ["thread_id", "shown", "branch_count", "id"],
        sqlite_where=ROOTS, postgresql_where=ROOTS,
    )
    op.create_index(
        "ix_comment_arrivals", "comment", ["thread_id", "published_number"],
        sqlite_where=PUBLISHED, postgresql_where=PUBLISHED,
    )
    op.create_table(
        "thread_visit",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("seen_number", sa.Integer(), nullable=False),
        sa.Column("reached_number", sa.Integer(), nullable=False),
        sa.Column("visited_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("seen_number >= 0 AND seen_number <= reached_number", name=op.f("ck_thread_visit_numbers")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_thread_visit_thread_id_thread")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_thread_visit_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", "thread_id", name=op.f("pk_thread_visit")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_thread_visit_visited_at", "thread_visit", ["visited_at"])


def downgrade() -> None:
    op.drop_table("thread_visit")
    op.drop_index("ix_comment_arrivals", "comment")
    op.drop_index("ix_comment_roots_discussed", "comment")
    op.drop_index("ix_comment_parent", "comment")
    op.create_index("ix_comment_parent", "comment", ["parent_id"], sqlite_where=REPLIES, postgresql_where=REPLIES)
    op.drop_column("comment", "published_number")
    op.drop_column("user", "reading_keys")
    op.drop_column("user", "thread_sort")
    op.drop_column("section", "default_sort")
    op.drop_column("site", "default_sort")
