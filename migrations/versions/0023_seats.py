"""Places in a membership that somebody pays for a group."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0023"
down_revision = "0022"

BEFORE = "source IN ('stripe', 'gift', 'complimentary', 'staff')"
AFTER = "source IN ('stripe', 'gift', 'seat', 'complimentary', 'staff')"


def upgrade() -> None:
    op.create_table(
        "seat",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("taken_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("ended_at", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("number >= 2", name=op.f("ck_seat_number")),
        sa.CheckConstraint("(user_id IS NULL) = (taken_at IS NULL)", name=op.f("ck_seat_taken")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_seat_subscription_id_subscription")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_seat_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
    )
    live = sa.text("ended_at IS NULL")
    for name, column in (("uq_seat_number", "number"), ("uq_seat_user", "user_id")):
        op.create_index(
            name, "seat", ["subscription_id", column], unique=True, sqlite_where=live, postgresql_where=live
        )
    op.create_index("ix_seat_user", "seat", ["user_id"])
    op.add_column("subscription", sa.Column("next_quantity", sa.Integer(), nullable=True))
    op.add_column(
        "subscription", sa.Column("seat_link_number", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.add_column(
        "checkout_attempt", sa.Column("quantity", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    _let_entitlements_come_from(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM entitlement WHERE source = 'seat'")
    _let_entitlements_come_from(BEFORE)
    with op.batch_alter_table("checkout_attempt") as batch:
        batch.drop_column("quantity")
    with op.batch_alter_table("subscription") as batch:
        batch.drop_column("seat_link_number")
        batch.drop_column("next_quantity")
    op.drop_table("seat")


def _let_entitlements_come_from(rule: str) -> None:
    with op.batch_alter_table("entitlement") as batch:
        batch.drop_constraint(op.f("ck_entitlement_source"), type_="check")
        batch.create_check_constraint(op.f("ck_entitlement_source"), rule)
