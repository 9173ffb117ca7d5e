"""Statements by their parts, notices of illegal content, clocks and holds, two people for a purge, reversals."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "fair_process",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_log", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("public_report", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("dispute_body", sa.String(length=300), server_default="", nullable=False),
        sa.Column("address_days", sa.Integer(), server_default="30", nullable=False),
        sa.Column("removed_text_days", sa.Integer(), server_default="183", nullable=False),
        sa.Column("notifier_days", sa.Integer(), server_default="365", nullable=False),
        sa.CheckConstraint("address_days > 0 AND notifier_days > 0", name=op.f("ck_fair_process_days")),
        sa.CheckConstraint("id = 1", name=op.f("ck_fair_process_single")),
        sa.CheckConstraint("removed_text_days >= 183", name=op.f("ck_fair_process_removed_text_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fair_process")),
    )
    op.create_table(
        "retention_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clock", sa.String(length=40), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("ran_at", core.db.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_run")),
    )
    with op.batch_alter_table("retention_run") as batch_op:
        batch_op.create_index(batch_op.f("ix_retention_run_clock"), ["clock"], unique=False)

    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("ends_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("placed_by", sa.Integer(), nullable=False),
        sa.Column("placed_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("released_by", sa.Integer(), nullable=True),
        sa.Column("released_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name=op.f("ck_legal_hold_released")),
        sa.CheckConstraint("(user_id IS NULL) != (comment_id IS NULL)", name=op.f("ck_legal_hold_what")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_legal_hold_comment_id_comment")),
        sa.ForeignKeyConstraint(["placed_by"], ["user.id"], name=op.f("fk_legal_hold_placed_by_user")),
        sa.ForeignKeyConstraint(["released_by"], ["user.id"], name=op.f("fk_legal_hold_released_by_user")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_legal_hold_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    with op.batch_alter_table("legal_hold") as batch_op:
        batch_op.create_index("ix_legal_hold_comment", ["comment_id"], unique=False)
        batch_op.create_index("ix_legal_hold_user", ["user_id"], unique=False)

    op.create_table(
        "purge_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("outcome != 'done' OR decided_by != asked_by", name=op.f("ck_purge_request_two_people")),
        sa.CheckConstraint("outcome IN ('open', 'done', 'refused')", name=op.f("ck_purge_request_outcome")),
        sa.ForeignKeyConstraint(["asked_by"], ["user.id"], name=op.f("fk_purge_request_asked_by_user")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_purge_request_comment_id_comment")),
        sa.ForeignKeyConstraint(["decided_by"], ["user.id"], name=op.f("fk_purge_request_decided_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purge_request")),
    )
    with op.batch_alter_table("purge_request") as batch_op:
        batch_op.create_index(
            "uq_purge_request_open",
            ["comment_id"],
            unique=True,
            sqlite_where=sa.text("outcome = 'open'"),
            postgresql_where=sa.text("outcome = 'open'"),
        )

    op.create_table(
        "illegal_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("legal_ground", sa.String(length=300), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("action_id", sa.Integer(), nullable=True),
        sa.Column("objection", sa.Text(), nullable=False),
        sa.Column("objected_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("second_outcome", sa.String(length=10), nullable=False),
        sa.Column("second_answer", sa.Text(), nullable=False),
        sa.Column("second_by", sa.Integer(), nullable=True),
        sa.Column("second_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("forgotten_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("(outcome = 'open') = (decided_at IS NULL)", name=op.f("ck_illegal_notice_decided")),
        sa.CheckConstraint(
            "outcome IN ('open', 'removed', 'kept', 'elsewhere')", name=op.f("ck_illegal_notice_outcome")
        ),
        sa.CheckConstraint(
            "second_outcome IN ('', 'open', 'removed', 'kept')", name=op.f("ck_illegal_notice_second_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["action_id"], ["moderation_action.id"], name=op.f("fk_illegal_notice_action_id_moderation_action")
        ),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_illegal_notice_comment_id_comment")),
        sa.ForeignKeyConstraint(["decided_by"], ["user.id"], name=op.f("fk_illegal_notice_decided_by_user")),
        sa.ForeignKeyConstraint(["second_by"], ["user.id"], name=op.f("fk_illegal_notice_second_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_illegal_notice")),
        sa.UniqueConstraint("reference", name=op.f("uq_illegal_notice_reference")),
    )
    with op.batch_alter_table("illegal_notice") as batch_op:
        batch_op.create_index("ix_illegal_notice_comment", ["comment_id"], unique=False)
        batch_op.create_index("ix_illegal_notice_created", ["created_at"], unique=False)
        batch_op.create_index(
            "ix_illegal_notice_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("outcome = 'open' OR second_outcome = 'open'"),
            postgresql_where=sa.text("outcome = 'open' OR second_outcome = 'open'"),
        )

    op.create_table(
        "reversal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=False),
        sa.Column("of_actor_id", sa.Integer(), nullable=True),
        sa.Column("since", core.db.UTCDateTime(), nullable=True),
        sa.Column("of_batch_id", sa.Integer(), nullable=True),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("cursor_id", sa.Integer(), nullable=False),
        sa.Column("done_count", sa.Integer(), nullable=False),
        sa.Column("left_count", sa.Integer(), nullable=False),
        sa.Column("left", sa.Text(), nullable=False),
        sa.Column("finished_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("(of_actor_id IS NULL) != (of_batch_id IS NULL)", name=op.f("ck_reversal_what")),
        sa.CheckConstraint("(of_actor_id IS NULL) = (since IS NULL)", name=op.f("ck_reversal_since")),
        sa.ForeignKeyConstraint(
            ["action_id"], ["moderation_action.id"], name=op.f("fk_reversal_action_id_moderation_action")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["user.id"], name=op.f("fk_reversal_asked_by_user")),
        sa.ForeignKeyConstraint(["of_actor_id"], ["user.id"], name=op.f("fk_reversal_of_actor_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reversal")),
        sa.UniqueConstraint("action_id", name=op.f("uq_reversal_action_id")),
    )
    with op.batch_alter_table("reversal") as batch_op:
        batch_op.create_index("uq_reversal_batch", ["of_batch_id"], unique=True)

    with op.batch_alter_table("statement_of_reasons") as batch_op:
        batch_op.add_column(sa.Column("restriction", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("ends_at", core.db.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("source", sa.String(length=8), server_default="own", nullable=False))
        batch_op.add_column(sa.Column("ground", sa.String(length=5), server_default="rules", nullable=False))
        batch_op.add_column(sa.Column("legal_ground", sa.String(length=300), server_default="", nullable=False))
        batch_op.add_column(sa.Column("notice_id", sa.Integer(), nullable=True))
        batch_op.create_index("ix_statement_of_reasons_created_at", ["created_at"], unique=False)
        batch_op.create_check_constraint("source", "source IN ('own', 'reports', 'notice', 'program')")
        batch_op.create_check_constraint("ground", "ground IN ('rules', 'law')")
        batch_op.create_foreign_key(
            batch_op.f("fk_statement_of_reasons_notice_id_illegal_notice"), "illegal_notice", ["notice_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("statement_of_reasons") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_statement_of_reasons_notice_id_illegal_notice"), type_="foreignkey")
        batch_op.drop_constraint("source", type_="check")
        batch_op.drop_constraint("ground", type_="check")
        batch_op.drop_index("ix_statement_of_reasons_created_at")
        batch_op.drop_column("notice_id")
        batch_op.drop_column("legal_ground")
        batch_op.drop_column("ground")
        batch_op.drop_column("source")
        batch_op.drop_column("ends_at")
        batch_op.drop_column("restriction")

    with op.batch_alter_table("reversal") as batch_op:
        batch_op.drop_index("uq_reversal_batch")

    op.drop_table("reversal")
    with op.batch_alter_table("illegal_notice") as batch_op:
        batch_op.drop_index(
            "ix_illegal_notice_open",
            sqlite_where=sa.text("outcome = 'open' OR second_outcome = 'open'"),
            postgresql_where=sa.text("outcome = 'open' OR second_outcome = 'open'"),
        )
        batch_op.drop_index("ix_illegal_notice_created")
        batch_op.drop_index("ix_illegal_notice_comment")

    op.drop_table("illegal_notice")
    with op.batch_alter_table("purge_request") as batch_op:
        batch_op.drop_index(
            "uq_purge_request_open",
            sqlite_where=sa.text("outcome = 'open'"),
            postgresql_where=sa.text("outcome = 'open'"),
        )

    op.drop_table("purge_request")
    with op.batch_alter_table("legal_hold") as batch_op:
        batch_op.drop_index("ix_legal_hold_user")
        batch_op.drop_index("ix_legal_hold_comment")

    op.drop_table("legal_hold")
    with op.batch_alter_table("retention_run") as batch_op:
        batch_op.drop_index(batch_op.f("ix_retention_run_clock"))

    op.drop_table("retention_run")
    op.drop_table("fair_process")
