"""What the screening goes by: settings, lists, services, what was learned; and what it found, with passages."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "screening_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_screening_state_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_state")),
    )
    op.create_table(
        "screening_setup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Integer(), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["user.id"], name=op.f("fk_screening_setup_changed_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_setup")),
    )
    op.create_table(
        "screening_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("folds_accents", sa.Boolean(), nullable=False),
        sa.Column("sees_through", sa.Boolean(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('words', 'domains', 'trusted', 'mails')", name=op.f("ck_screening_list_kind")),
        sa.CheckConstraint("severity != 'reject' OR rule_id IS NOT NULL", name=op.f("ck_screening_list_reject_names_rule")),
        sa.CheckConstraint("severity IN ('note', 'nudge', 'report', 'hold', 'reject')", name=op.f("ck_screening_list_severity")),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name=op.f("fk_screening_list_rule_id_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_list")),
        sa.UniqueConstraint("name", name=op.f("uq_screening_list_name")),
    )
    op.create_table(
        "screening_list_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Integer(), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["user.id"], name=op.f("fk_screening_list_version_changed_by_user")),
        sa.ForeignKeyConstraint(["list_id"], ["screening_list.id"], name=op.f("fk_screening_list_version_list_id_screening_list")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_list_version")),
        sa.UniqueConstraint("list_id", "number", name=op.f("uq_screening_list_version_list_id_number")),
    )
    op.create_table(
        "screening_service",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("secret", sa.String(length=80), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("time_limit_ms", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("failed_in_a_row", sa.Integer(), nullable=False),
        sa.Column("last_answer_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("last_failure_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("last_failure", sa.String(length=300), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("severity IN ('note', 'report', 'hold')", name=op.f("ck_screening_service_severity")),
        sa.CheckConstraint("time_limit_ms BETWEEN 100 AND 30000", name=op.f("ck_screening_service_time_limit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_service")),
        sa.UniqueConstraint("name", name=op.f("uq_screening_service_name")),
    )
    op.create_table(
        "screening_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("learned_from", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("severity IN ('note', 'nudge', 'report', 'hold', 'reject') AND severity != 'reject'", name=op.f("ck_screening_model_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_model")),
    )
    op.create_table(
        "nudge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.String(length=300), nullable=False),
        sa.Column("words_hash", sa.String(length=64), nullable=False),
        sa.Column("ended", sa.String(length=10), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("ended_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("ended IN ('', 'rephrased', 'as-is')", name=op.f("ck_nudge_ended")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_nudge_comment_id_comment")),
        sa.ForeignKeyConstraint(["parent_id"], ["comment.id"], name=op.f("fk_nudge_parent_id_comment")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_nudge_thread_id_thread")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_nudge_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nudge")),
    )
    op.create_table(
        "comment_shape",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("comment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "comment_id", name=op.f("pk_comment_shape")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spam_link",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=300), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_spam_link_comment_id_comment")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_spam_link")),
    )
    op.create_index(
        "uq_screening_model_active", "screening_model", ["active"], unique=True, sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_index("ix_nudge_comment", "nudge", ["comment_id"])
    op.create_index("ix_nudge_place", "nudge", ["user_id", "thread_id", "id"])
    op.create_index("ix_nudge_time", "nudge", ["created_at"])
    op.create_index("ix_spam_link_comment_id", "spam_link", ["comment_id"])
    op.add_column("finding", sa.Column("rule", sa.String(length=60), server_default="", nullable=False))
    op.add_column("finding", sa.Column("passages", sa.Text(), server_default="", nullable=False))
    op.add_column("finding", sa.Column("setup_id", sa.Integer(), nullable=True))
    op.add_column("finding", sa.Column("checked", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    for column in ("checked", "setup_id", "passages", "rule"):
        op.drop_column("finding", column)
    for table in ("spam_link", "comment_shape", "nudge", "screening_model", "screening_service", "screening_list_version", "screening_list", "screening_setup", "screening_state"):
        op.drop_table(table)
