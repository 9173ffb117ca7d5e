"""Notices and their mails, following, mutes; and when people were told of a comment."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "follow",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('thread', 'branch', 'person', 'part')", name=op.f("ck_follow_kind")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_follow_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", "kind", "target_id", name=op.f("pk_follow")),
    )
    with op.batch_alter_table("follow", schema=None) as batch_op:
        batch_op.create_index("ix_follow_target", ["kind", "target_id", "user_id"], unique=False)

    op.create_table(
        "mute",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("muted_id", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("user_id != muted_id", name=op.f("ck_mute_other")),
        sa.ForeignKeyConstraint(["muted_id"], ["user.id"], name=op.f("fk_mute_muted_id_user")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_mute_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", "muted_id", name=op.f("pk_mute")),
    )
    with op.batch_alter_table("mute", schema=None) as batch_op:
        batch_op.create_index("ix_mute_muted", ["muted_id", "user_id"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("subject_key", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("moved_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("read_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('reply', 'mention', 'pick', 'decision', 'staff_answer', 'follow', 'thanks')",
            name=op.f("ck_notice_kind"),
        ),
        sa.CheckConstraint("count >= 0", name=op.f("ck_notice_count")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_notice_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notice_bell",
            ["user_id"],
            unique=False,
            sqlite_where=sa.text("read_at IS NULL AND count > 0"),
            postgresql_where=sa.text("read_at IS NULL AND count > 0"),
        )
        batch_op.create_index("ix_notice_list", ["user_id", "moved_at", "id"], unique=False)
        batch_op.create_index(
            "uq_notice_unread",
            ["user_id", "kind", "subject_key"],
            unique=True,
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        )

    op.create_table(
        "notice_preference",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("how", sa.String(length=5), nullable=False),
        sa.CheckConstraint("how IN ('now', 'daily', 'never')", name=op.f("ck_notice_preference_how")),
        sa.CheckConstraint(
            "kind IN ('reply', 'mention', 'pick', 'decision', 'staff_answer', 'follow', 'thanks')",
            name=op.f("ck_notice_preference_kind"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_notice_preference_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_notice_preference")),
    )
    op.create_table(
        "notice_setting",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("follow_own_threads", sa.Boolean(), nullable=False),
        sa.Column("digest_hour", sa.Integer(), nullable=False),
        sa.Column("digest_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("feed_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("digest_hour BETWEEN 0 AND 23", name=op.f("ck_notice_setting_digest_hour")),
        sa.CheckConstraint("feed_number >= 0", name=op.f("ck_notice_setting_feed_number")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_notice_setting_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notice_setting")),
    )
    op.create_table(
        "notice_cause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=400), nullable=False),
        sa.Column("many", sa.String(length=400), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("url", sa.String(length=300), nullable=False),
        sa.Column("reply_url", sa.String(length=300), nullable=False),
        sa.Column("mail", sa.String(length=5), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("withdrawn_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('reply', 'mention', 'pick', 'decision', 'staff_answer', 'follow', 'thanks')",
            name=op.f("ck_notice_cause_kind"),
        ),
        sa.CheckConstraint("mail IN ('now', 'daily', 'never', 'sent')", name=op.f("ck_notice_cause_mail")),
        sa.ForeignKeyConstraint(["actor_id"], ["user.id"], name=op.f("fk_notice_cause_actor_id_user")),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_notice_cause_notice_id_notice"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_notice_cause_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_cause")),
        sa.UniqueConstraint("user_id", "cause", name=op.f("uq_notice_cause_user_id_cause")),
    )
    with op.batch_alter_table("notice_cause", schema=None) as batch_op:
        batch_op.create_index("ix_notice_cause_actor", ["actor_id", "user_id"], unique=False)
        batch_op.create_index("ix_notice_cause_cause", ["cause"], unique=False)
        batch_op.create_index("ix_notice_cause_notice", ["notice_id", "id"], unique=False)
        batch_op.create_index(
            "ix_notice_cause_scope",
            ["scope", "cause"],
            unique=False,
            sqlite_where=sa.text("scope != ''"),
            postgresql_where=sa.text("scope != ''"),
        )
        batch_op.create_index(
            "ix_notice_cause_unsent",
            ["mail", "user_id"],
            unique=False,
            sqlite_where=sa.text("mail IN ('now', 'daily')"),
            postgresql_where=sa.text("mail IN ('now', 'daily')"),
        )

    op.add_column("comment", sa.Column("told_at", core.db.UTCDateTime(), nullable=True))

    op.add_column("mail", sa.Column("unsubscribe_path", sa.String(length=300), nullable=True))
    # What stands already has been read where it stands: nobody is told of it now.
    op.execute("UPDATE comment SET told_at = published_at WHERE published_at IS NOT NULL")
    op.execute(
        "INSERT INTO follow (user_id, kind, target_id, created_at)"
        " SELECT author_id, 'part', thread_id, min(published_at) FROM comment"
        " WHERE status = 'published' AND published_at IS NOT NULL GROUP BY author_id, thread_id"
    )


def downgrade() -> None:
    op.drop_column("mail", "unsubscribe_path")

    op.drop_column("comment", "told_at")

    with op.batch_alter_table("notice_cause", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_notice_cause_unsent",
            sqlite_where=sa.text("mail IN ('now', 'daily')"),
            postgresql_where=sa.text("mail IN ('now', 'daily')"),
        )
        batch_op.drop_index(
            "ix_notice_cause_scope", sqlite_where=sa.text("scope != ''"), postgresql_where=sa.text("scope != ''")
        )
        batch_op.drop_index("ix_notice_cause_notice")
        batch_op.drop_index("ix_notice_cause_cause")
        batch_op.drop_index("ix_notice_cause_actor")

    op.drop_table("notice_cause")
    op.drop_table("notice_setting")
    op.drop_table("notice_preference")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_notice_unread", sqlite_where=sa.text("read_at IS NULL"), postgresql_where=sa.text("read_at IS NULL")
        )
        batch_op.drop_index("ix_notice_list")
        batch_op.drop_index(
            "ix_notice_bell",
            sqlite_where=sa.text("read_at IS NULL AND count > 0"),
            postgresql_where=sa.text("read_at IS NULL AND count > 0"),
        )

    op.drop_table("notice")
    with op.batch_alter_table("mute", schema=None) as batch_op:
        batch_op.drop_index("ix_mute_muted")

    op.drop_table("mute")
    with op.batch_alter_table("follow", schema=None) as batch_op:
        batch_op.drop_index("ix_follow_target")

    op.drop_table("follow")
