"""Memberships bought for somebody else."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "gift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("giver_id", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("from_name", sa.String(length=80), nullable=False),
        sa.Column("to_name", sa.String(length=80), nullable=False),
        sa.Column("to_email", sa.String(length=254), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("send_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("sent_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("link_number", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(length=120), nullable=True),
        sa.Column("intent", sa.String(length=80), nullable=True),
        sa.Column("paid_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("refunded_cents", sa.Integer(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("revoked_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("redeemed_by", sa.Integer(), nullable=True),
        sa.Column("redeemed_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("starts_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("ends_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'redeemed', 'revoked', 'expired', 'failed')", name=op.f("ck_gift_state")
        ),
        sa.CheckConstraint("(state = 'redeemed') = (redeemed_by IS NOT NULL)", name=op.f("ck_gift_redeemed")),
        sa.CheckConstraint(
            "(state IN ('paid', 'redeemed', 'revoked')) = (paid_at IS NOT NULL)", name=op.f("ck_gift_paid")
        ),
        sa.CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name=op.f("ck_gift_span")),
        sa.CheckConstraint("paid_cents >= 0 AND refunded_cents >= 0", name=op.f("ck_gift_amounts")),
        sa.ForeignKeyConstraint(["giver_id"], ["user.id"], name=op.f("fk_gift_giver_id_user")),
        sa.ForeignKeyConstraint(["redeemed_by"], ["user.id"], name=op.f("fk_gift_redeemed_by_user")),
        sa.ForeignKeyConstraint(["price_id"], ["price.id"], name=op.f("fk_gift_price_id_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift")),
        sa.UniqueConstraint("session_id", name=op.f("uq_gift_session_id")),
    )
    op.create_index(
        "uq_gift_open", "gift", ["mode", "giver_id"], unique=True, sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_gift_giver", "gift", ["giver_id", "id"])
    op.create_index("ix_gift_redeemed_by", "gift", ["redeemed_by"])


def downgrade() -> None:
    op.drop_table("gift")
