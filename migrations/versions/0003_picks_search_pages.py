"""Picks, the words of the search, and readers' own pages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.db

revision = "0003"
down_revision = "0002"

PICKED = sa.text("picked_at IS NOT NULL AND status = 'published'")


def upgrade() -> None:
    # Plain ALTER TABLE instead of a copy of the table: comments can be many, and both databases take these forms.
    op.execute("ALTER TABLE comment ADD COLUMN picked_at " + ("TIMESTAMP WITH TIME ZONE" if _postgresql() else "DATETIME"))
    op.execute(
        "ALTER TABLE thread ADD COLUMN picked_count INTEGER DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_thread_picked_count CHECK (picked_count >= 0)"
    )
    op.add_column("user", sa.Column("page_is_open", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, columns in (
        ("ix_comment_picked_here", ["thread_id", "picked_at", "id"]),
        ("ix_comment_picked", ["picked_at", "id"]),
    ):
        op.create_index(name, "comment", columns, sqlite_where=PICKED, postgresql_where=PICKED)
    op.create_table(
        "pick",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("picked_by", sa.Integer(), nullable=False),
        sa.Column("picked_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.Column("ended_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_pick_ended")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_pick_comment_id_comment")),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_pick_author_id_user")),
        sa.ForeignKeyConstraint(["picked_by"], ["user.id"], name=op.f("fk_pick_picked_by_user")),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_pick_ended_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pick")),
    )
    live = sa.text("ended_at IS NULL")
    op.create_index("uq_pick_live", "pick", ["comment_id"], unique=True, sqlite_where=live, postgresql_where=live)
    op.create_index("ix_pick_author", "pick", ["author_id", "id"])
    op.create_table(
        "comment_words",
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_comment_words_comment_id_comment")),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_comment_words")),
    )
    if _postgresql():
        op.create_index("ix_comment_words_words", "comment_words", ["words"], postgresql_using="gin")
    else:
        for statement in FULL_TEXT:
            op.execute(statement)
    # What is there already becomes searchable by the worker, in batches, so that no start waits for it.
    op.execute(
        "INSERT INTO job (kind, payload, key, run_at, attempts, created_at)"
        " SELECT 'threads.fill-search', '{}', 'fill-search', CURRENT_TIMESTAMP, 0, CURRENT_TIMESTAMP"
        " WHERE EXISTS (SELECT 1 FROM comment WHERE status = 'published')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE kind = 'threads.fill-search'")
    if _postgresql():
        op.drop_index("ix_comment_words_words", "comment_words")
    else:
        op.execute("DROP TABLE search_comment")  # the triggers go with the table they stand on
    op.drop_table("comment_words")
    op.drop_table("pick")
    op.drop_index("ix_comment_picked", "comment")
    op.drop_index("ix_comment_picked_here", "comment")
    for table, column in (("user", "page_is_open"), ("thread", "picked_count"), ("comment", "picked_at")):
        op.execute(f'ALTER TABLE "{table}" DROP COLUMN {column}')


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


# The words are folded before they come here; the tokenizer only parts them at the spaces. `@` begins the thread's mark.
FULL_TEXT = (
    """CREATE VIRTUAL TABLE search_comment USING fts5(
    words, content='comment_words', content_rowid='comment_id', columnsize=0,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* M* Co' tokenchars '@'")""",
    """CREATE TRIGGER comment_words_added AFTER INSERT ON comment_words BEGIN
    INSERT INTO search_comment (rowid, words) VALUES (new.comment_id, new.words); END""",
    """CREATE TRIGGER comment_words_removed AFTER DELETE ON comment_words BEGIN
    INSERT INTO search_comment (search_comment, rowid, words) VALUES ('delete', old.comment_id, old.words); END""",
    """CREATE TRIGGER comment_words_changed AFTER UPDATE OF words ON comment_words BEGIN
    INSERT INTO search_comment (search_comment, rowid, words) VALUES ('delete', old.comment_id, old.words);
    INSERT INTO search_comment (rowid, words) VALUES (new.comment_id, new.words); END""",
)
