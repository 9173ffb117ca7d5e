"""What Subscriptions bring in: movements, the parts of Invoices, the figure beside each mirror; and worked-out figures."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0020"
down_revision = "0019"

KINDS = "kind IN ('new', 'converted', 'recovered', 'upgraded', 'repriced', 'downgraded', 'paused', 'churned')"
PARTS = "full_cents - lasting_cents - once_cents + change_cents + other_cents = total_cents"
AMOUNTS = "full_cents >= 0 AND lasting_cents >= 0 AND once_cents >= 0 AND paid_cents >= 0"


def upgrade() -> None:
    op.add_column("subscription", sa.Column("yearly_cents", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "movement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("cause", sa.String(length=90), nullable=False),
        sa.Column("at", core.db.UTCDateTime(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("from_plan_id", sa.Integer(), nullable=True),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("before_cents", sa.Integer(), nullable=False),
        sa.Column("after_cents", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("interval", sa.String(length=12), nullable=False),
        sa.Column("recorded_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_movement_kind")),
        sa.CheckConstraint("number > 0", name=op.f("ck_movement_number")),
        sa.CheckConstraint("before_cents >= 0 AND after_cents >= 0", name=op.f("ck_movement_amounts")),
        sa.CheckConstraint("before_cents != after_cents OR plan_id != from_plan_id", name=op.f("ck_movement_moves")),
        sa.CheckConstraint("(from_plan_id IS NULL) = (number = 1)", name=op.f("ck_movement_from_plan")),
        sa.ForeignKeyConstraint(["customer_id"], ["billing_customer.id"], name=op.f("fk_movement_customer_id_billing_customer")),
        sa.ForeignKeyConstraint(["from_plan_id"], ["plan.id"], name=op.f("fk_movement_from_plan_id_plan")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_movement_plan_id_plan")),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"], name=op.f("fk_movement_subscription_id_subscription")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movement")),
        sa.UniqueConstraint("subscription_id", "number", name=op.f("uq_movement_subscription_id_number")),
    )
    op.create_index("ix_movement_customer_id", "movement", ["customer_id"])
    op.create_index("ix_movement_at", "movement", ["mode", "at"])
    op.create_table(
        "billed_invoice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("invoice_id", sa.String(length=80), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=14), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("issued_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("period_start_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("full_cents", sa.Integer(), nullable=False),
        sa.Column("lasting_cents", sa.Integer(), nullable=False),
        sa.Column("once_cents", sa.Integer(), nullable=False),
        sa.Column("change_cents", sa.Integer(), nullable=False),
        sa.Column("other_cents", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("paid_cents", sa.Integer(), nullable=False),
        sa.Column("yearly_cents", sa.Integer(), nullable=True),
        sa.CheckConstraint(PARTS, name=op.f("ck_billed_invoice_parts")),
        sa.CheckConstraint(AMOUNTS, name=op.f("ck_billed_invoice_amounts")),
        sa.ForeignKeyConstraint(["customer_id"], ["billing_customer.id"], name=op.f("fk_billed_invoice_customer_id_billing_customer")),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"], name=op.f("fk_billed_invoice_subscription_id_subscription")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billed_invoice")),
        sa.UniqueConstraint("mode", "invoice_id", name=op.f("uq_billed_invoice_mode_invoice_id")),
    )
    op.create_index("ix_billed_invoice_customer_id", "billed_invoice", ["customer_id"])
    op.create_index("ix_billed_invoice_subscription_id", "billed_invoice", ["subscription_id"])
    op.create_index("ix_billed_invoice_issued", "billed_invoice", ["mode", "issued_at"])
    op.create_table(
        "insight",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("computed_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", "mode", name=op.f("pk_insight")),
    )


def downgrade() -> None:
    op.drop_table("insight")
    op.drop_table("billed_invoice")
    op.drop_table("movement")
    op.drop_column("subscription", "yearly_cents")
