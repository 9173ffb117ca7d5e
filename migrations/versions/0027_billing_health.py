"""Rounds of looking after payments, what they found, and bursts of declined cards."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "billing_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("started_at", core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("listed_at", core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('catch-up', 'compare', 'check')", name=op.f("ck_billing_run_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_run")),
    )
    op.create_index("ix_billing_run_kind", "billing_run", ["mode", "kind", "id"])
    op.create_table(
        "billing_drift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("was", sa.String(length=120), nullable=False),
        sa.Column("became", sa.String(length=120), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["billing_run.id"], name=op.f("fk_billing_drift_run_id_billing_run"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["billing_customer.id"], name=op.f("fk_billing_drift_customer_id_billing_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_drift")),
    )
    op.create_index(op.f("ix_billing_drift_run_id"), "billing_drift", ["run_id"])
    op.create_index("ix_billing_drift_customer", "billing_drift", ["customer_id", "id"])
    op.create_table(
        "card_burst",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("began_at", core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("last_at", core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("declined", sa.Integer(), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_burst")),
    )
    op.create_index(
        "uq_card_burst_open", "card_burst", ["mode"], unique=True,
        sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
    )
    with op.batch_alter_table("billing_customer") as table:
        table.add_column(sa.Column("asked_run", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("compared_run", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("stripe_event") as table:
        table.add_column(sa.Column("via", sa.String(length=8), nullable=False, server_default="webhook"))
        table.create_index("ix_stripe_event_type", ["mode", "type", "created_at"])
        table.create_index("ix_stripe_event_customer", ["customer", "created_at"])


def downgrade() -> None:
    with op.batch_alter_table("stripe_event") as table:
        table.drop_index("ix_stripe_event_customer")
        table.drop_index("ix_stripe_event_type")
        table.drop_column("via")
    with op.batch_alter_table("billing_customer") as table:
        table.drop_column("compared_run")
        table.drop_column("asked_run")
    op.drop_table("card_burst")
    op.drop_table("billing_drift")
    op.drop_table("billing_run")
