"""Decisions about many comments at once, and what a rule says to authors to begin with."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("ALTER TABLE rule ADD COLUMN note_template VARCHAR(1000) DEFAULT '' NOT NULL")
    op.create_table(
        "bulk_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(6), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("about", sa.String(700), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("started_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("finished_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("verb IN ('accept', 'reject')", name=op.f("ck_bulk_run_verb")),
        sa.CheckConstraint(
            "state IN ('tried', 'running', 'done', 'undoing', 'undone')", name=op.f("ck_bulk_run_state")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["user.id"], name=op.f("fk_bulk_run_actor_id_user")),
        sa.ForeignKeyConstraint(["undone_by"], ["user.id"], name=op.f("fk_bulk_run_undone_by_user")),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name=op.f("fk_bulk_run_rule_id_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_run")),
    )
    op.create_index("ix_bulk_run_actor", "bulk_run", ["actor_id", "id"])
    op.create_table(
        "bulk_item",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("last_action_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("why", sa.String(300), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('', 'done', 'refused', 'undone', 'kept')", name=op.f("ck_bulk_item_outcome")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["bulk_run.id"], name=op.f("fk_bulk_item_run_id_bulk_run")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_bulk_item_comment_id_comment")),
        sa.ForeignKeyConstraint(
            ["action_id"], ["moderation_action.id"], name=op.f("fk_bulk_item_action_id_moderation_action")
        ),
        sa.PrimaryKeyConstraint("run_id", "comment_id", name=op.f("pk_bulk_item")),
    )
    op.create_index("ix_bulk_item_comment", "bulk_item", ["comment_id"])


def downgrade() -> None:
    op.drop_table("bulk_item")
    op.drop_table("bulk_run")
    op.execute("ALTER TABLE rule DROP COLUMN note_template")
