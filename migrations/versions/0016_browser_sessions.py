"""Signed-in browsers as rows: listed, revocable, with the moment of the last proof."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "browser_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("seen_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("expires_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("proved_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("second_factor_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("device", sa.String(length=60), nullable=False),
        sa.Column("network", sa.String(length=45), nullable=False),
        sa.Column("must_rotate", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_browser_session_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_session")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_browser_session_key_hash")),
    )
    op.create_index(op.f("ix_browser_session_user_id"), "browser_session", ["user_id"])
    op.create_index(op.f("ix_browser_session_expires_at"), "browser_session", ["expires_at"])


def downgrade() -> None:
    op.drop_table("browser_session")
