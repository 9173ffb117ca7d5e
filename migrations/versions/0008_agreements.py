"""What readers agreed to and withdrew from; what a subscription is to become, its trial, and the card that pays it."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0008"
down_revision = "0007"

KINDS = "kind IN ('join', 'switch', 'cancel', 'resume', 'withdraw', 'gift', 'seats')"


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("item", sa.String(length=80), nullable=False, server_default=""),
        sa.Column("quantity", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("trial_ends_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("schedule", sa.String(length=80), nullable=True),
        sa.Column(
            "next_price_id", sa.Integer(),
            sa.ForeignKey("price.id", name=op.f("fk_subscription_next_price_id_price")), nullable=True,
        ),
        sa.Column("next_price_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("card", sa.String(length=60), nullable=True),
        sa.Column("card_expires", sa.String(length=7), nullable=True),
    ]


def upgrade() -> None:
    with op.batch_alter_table("subscription") as batch:  # one of the columns names another table
        for column in _columns():
            batch.add_column(column)
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("page", sa.String(length=200), nullable=False),
        sa.Column("network", sa.String(length=60), nullable=False),
        sa.Column("subscription", sa.String(length=80), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_consent_kind")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_consent_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_user", "consent", ["user_id", "id"])
    op.create_table(
        "withdrawal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("subscription", sa.String(length=80), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("done_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("refunded_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.CheckConstraint("refunded_cents >= 0", name=op.f("ck_withdrawal_refunded")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_withdrawal_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawal")),
        sa.UniqueConstraint("mode", "subscription", name=op.f("uq_withdrawal_mode_subscription")),
    )
    op.create_index("ix_withdrawal_user", "withdrawal", ["user_id"])


def downgrade() -> None:
    op.drop_table("withdrawal")
    op.drop_table("consent")
    with op.batch_alter_table("subscription") as batch:
        for column in reversed(_columns()):
            batch.drop_column(column.name)
