"""The end of what somebody who left was paying for."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "billing_end",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("done_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("refunded_cents", sa.Integer(), nullable=False),
        sa.CheckConstraint("tries >= 0 AND refunded_cents >= 0", name=op.f("ck_billing_end_counts")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_billing_end_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_end")),
        sa.UniqueConstraint("mode", "user_id", name=op.f("uq_billing_end_mode_user_id")),
    )
    undone = sa.text("done_at IS NULL")
    op.create_index(
        "ix_billing_end_undone", "billing_end", ["mode", "asked_at"], sqlite_where=undone, postgresql_where=undone
    )


def downgrade() -> None:
    op.drop_table("billing_end")
