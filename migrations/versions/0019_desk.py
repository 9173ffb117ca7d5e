"""The moderators' desk: how much waits, claims, saved views, notes, tips.

The numbers of `thread_backlog` are kept by triggers. A later migration that makes the table `comment` anew on SQLite
loses them with it, so it must call `make_triggers` again.
"""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0019"
down_revision = "0018"

COUNTS = ("reported", "held", "newcomers", "unreviewed")


def upgrade() -> None:
    false = "false" if _postgresql() else "0"
    op.execute("ALTER TABLE comment ADD COLUMN reviewed_revision INTEGER DEFAULT 0 NOT NULL")
    op.execute(f"ALTER TABLE comment ADD COLUMN by_newcomer BOOLEAN DEFAULT {false} NOT NULL")
    unseen = sa.text("by_newcomer AND reviewed_revision < revision")
    op.create_index("ix_comment_newcomers", "comment", ["id"], sqlite_where=unseen, postgresql_where=unseen)
    op.create_table(
        "thread_backlog",
        sa.Column("thread_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.CheckConstraint(
            "reported >= 0 AND held >= 0 AND newcomers >= 0 AND unreviewed >= 0", name=op.f("ck_thread_backlog_counts")
        ),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_thread_backlog_thread_id_thread")),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_thread_backlog")),
    )
    op.create_table(
        "claim",
        sa.Column("comment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("moderator_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("claimed_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("expires_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_claim_comment_id_comment")),
        sa.ForeignKeyConstraint(["moderator_id"], ["user.id"], name=op.f("fk_claim_moderator_id_user")),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_claim")),
    )
    op.create_index("ix_claim_moderator", "claim", ["moderator_id", "position"])
    op.create_table(
        "pass",
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("moderator_id", sa.Integer(), nullable=False),
        sa.Column("passed_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_pass_comment_id_comment")),
        sa.ForeignKeyConstraint(["moderator_id"], ["user.id"], name=op.f("fk_pass_moderator_id_user")),
        sa.PrimaryKeyConstraint("comment_id", "moderator_id", name=op.f("pk_pass")),
    )
    op.create_table(
        "desk_preference",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("keys", sa.String(300), nullable=False),
        sa.Column("covers_severe", sa.Boolean(), nullable=False),
        sa.Column("severe_per_hour", sa.Integer(), nullable=False),
        sa.Column("severe_seen", sa.Integer(), nullable=False),
        sa.Column("severe_since", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("severe_per_hour >= 0 AND severe_seen >= 0", name=op.f("ck_desk_preference_severe")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_desk_preference_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_desk_preference")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("queue", sa.String(20), nullable=False),
        sa.Column("filters", sa.String(600), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], name=op.f("fk_saved_view_owner_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_saved_view_owner_id_name")),
    )
    op.create_table(
        "handover_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("done_by", sa.Integer(), nullable=True),
        sa.Column("done_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name=op.f("ck_handover_note_done")),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_handover_note_author_id_user")),
        sa.ForeignKeyConstraint(["done_by"], ["user.id"], name=op.f("fk_handover_note_done_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover_note")),
    )
    undone = sa.text("done_at IS NULL")
    op.create_index("ix_handover_note_open", "handover_note", ["id"], sqlite_where=undone, postgresql_where=undone)
    op.create_table(
        "tip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(5), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("suggested_by", sa.Integer(), nullable=False),
        sa.Column("suggested_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("closed_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('story', 'pick')", name=op.f("ck_tip_kind")),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_tip_closed")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_tip_comment_id_comment")),
        sa.ForeignKeyConstraint(["suggested_by"], ["user.id"], name=op.f("fk_tip_suggested_by_user")),
        sa.ForeignKeyConstraint(["closed_by"], ["user.id"], name=op.f("fk_tip_closed_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip")),
    )
    still = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_tip_open", "tip", ["comment_id", "kind"], unique=True, sqlite_where=still, postgresql_where=still
    )
    op.create_table(
        "comment_language",
        sa.Column("comment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("language", sa.String(3), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_comment_language_comment_id_comment")),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_comment_language")),
    )
    fill()
    make_triggers()


def downgrade() -> None:
    drop_triggers()
    for table in (
        "comment_language", "tip", "handover_note", "saved_view", "desk_preference", "pass", "claim", "thread_backlog",
    ):
        op.drop_table(table)
    op.drop_index("ix_comment_newcomers", "comment")
    for column in ("by_newcomer", "reviewed_revision"):
        op.execute(f"ALTER TABLE comment DROP COLUMN {column}")


def fill() -> None:
    """What persons have decided about counts as looked at; then everything is counted once."""
    op.execute(
        """UPDATE comment SET reviewed_revision = COALESCE((
            SELECT CASE WHEN a.action IN ('hold', 'reopen') THEN 0 ELSE COALESCE(a.revision, 0) END
            FROM moderation_action a WHERE a.comment_id = comment.id AND a.actor_id IS NOT NULL
            AND a.action IN ('publish', 'reject', 'restore', 'keep', 'hold', 'reopen')
            ORDER BY a.id DESC LIMIT 1), 0)
        WHERE id IN (SELECT comment_id FROM moderation_action WHERE comment_id IS NOT NULL)"""
    )
    op.execute(
        """UPDATE comment SET by_newcomer = (1 = 1) WHERE id IN (
            SELECT comment_id FROM finding WHERE "check" = 'newcomer')"""
    )
    sums = ", ".join(f"SUM(CASE WHEN {_is(name, 'comment')} THEN 1 ELSE 0 END)" for name in COUNTS)
    op.execute(
        f"INSERT INTO thread_backlog (thread_id, {', '.join(COUNTS)}) SELECT thread_id, {sums} FROM comment GROUP BY thread_id"
    )


def _is(queue: str, row: str) -> str:
    """Whether a row of `comment` stands in a queue."""
    seen = f"{row}.reviewed_revision >= {row}.revision"
    return {
        "reported": f"({row}.status = 'published' AND {row}.report_count > 0)",
        "held": f"({row}.status IN ('pending', 'withheld'))",
        "newcomers": f"({row}.by_newcomer AND NOT ({seen}) AND {row}.status IN ('published', 'pending', 'withheld'))",
        "unreviewed": f"({row}.status = 'published' AND NOT ({seen}))",
    }[queue]


def _add(row: str) -> str:
    values = ", ".join(f"CASE WHEN {_is(name, row)} THEN 1 ELSE 0 END" for name in COUNTS)
    sums = ", ".join(f"{name} = thread_backlog.{name} + excluded.{name}" for name in COUNTS)
    return (
        f"INSERT INTO thread_backlog (thread_id, {', '.join(COUNTS)}) VALUES ({row}.thread_id, {values})"
        f" ON CONFLICT (thread_id) DO UPDATE SET {sums};"
    )


def _take(row: str) -> str:
    less = ", ".join(f"{name} = {name} - CASE WHEN {_is(name, row)} THEN 1 ELSE 0 END" for name in COUNTS)
    return f"UPDATE thread_backlog SET {less} WHERE thread_id = {row}.thread_id;"


WATCHED = ("status", "report_count", "reviewed_revision", "revision", "by_newcomer", "thread_id")
NEWCOMER = (
    "UPDATE comment SET by_newcomer = (1 = 1) WHERE id = NEW.comment_id AND NOT by_newcomer;"
)
WAITS = "NEW.status IN ('published', 'pending', 'withheld')"


def make_triggers() -> None:
    moved = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in WATCHED)
    bodies = {
        ("comment_backlog_added", "AFTER INSERT ON comment", WAITS): _add("NEW"),
        ("comment_backlog_changed", f"AFTER UPDATE OF {', '.join(WATCHED)} ON comment", moved):
            _take("OLD") + _add("NEW"),
        ("comment_backlog_removed", "AFTER DELETE ON comment", ""): _take("OLD"),
        ("finding_of_newcomer", "AFTER INSERT ON finding", "NEW.\"check\" = 'newcomer'"): NEWCOMER,
    }  # fmt: skip
    for (name, when, condition), body in bodies.items():
        condition = f" WHEN ({condition})" if condition else ""
        if _postgresql():
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
            )
            op.execute(f"CREATE TRIGGER {name} {when} FOR EACH ROW{condition} EXECUTE FUNCTION {name}()")
        else:
            op.execute(f"CREATE TRIGGER {name} {when} FOR EACH ROW{condition} BEGIN {body} END")


def drop_triggers() -> None:
    for name, table in (
        ("comment_backlog_added", "comment"), ("comment_backlog_changed", "comment"),
        ("comment_backlog_removed", "comment"), ("finding_of_newcomer", "finding"),
    ):
        if _postgresql():
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
        else:
            op.execute(f"DROP TRIGGER {name}")


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
