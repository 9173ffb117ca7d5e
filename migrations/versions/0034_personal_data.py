"""Asking for the end of an account, and for a copy of everything in it."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("keep_words", sa.Boolean(), nullable=False),
        sa.Column("asked_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("due_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_erasure_user_id_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_erasure")),
    )
    op.create_index(op.f("ix_erasure_due_at"), "erasure", ["due_at"])
    op.create_table(
        "data_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("parts_done", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("expires_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("archive", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'making', 'ready')", name=op.f("ck_data_copy_state")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_data_copy_user_id_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_copy")),
    )
    op.create_index(op.f("ix_data_copy_user_id"), "data_copy", ["user_id"])
    op.create_index(op.f("ix_data_copy_expires_at"), "data_copy", ["expires_at"])


def downgrade() -> None:
    op.drop_table("data_copy")
    op.drop_table("erasure")
