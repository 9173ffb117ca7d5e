"""What plans grant, free days of prices, promotion codes, and both on the checkouts that used them."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0010"
down_revision = "0009"


def _flag(name: str, default: bool) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true() if default else sa.false())


def upgrade() -> None:
    for column in (
        _flag("grants_reading", True), _flag("grants_commenting", True), _flag("grants_respect", True),
        _flag("ad_free", False),
        sa.Column("share_links", sa.Integer(), sa.CheckConstraint("share_links >= 0", name=op.f("ck_plan_share_links")),
                  nullable=False, server_default="0"),
    ):  # fmt: skip
        op.add_column("plan", column)
    op.add_column("price", sa.Column(
        "trial_days", sa.Integer(), sa.CheckConstraint("trial_days > 0", name=op.f("ck_price_trial_days")),
    ))  # fmt: skip
    op.create_table(
        "promo_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount_cents", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("duration", sa.String(length=9), nullable=False),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("first_time_only", sa.Boolean(), nullable=False),
        sa.Column("most_redemptions", sa.Integer(), nullable=True),
        sa.Column("expires_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("retired_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("(percent IS NULL) != (amount_cents IS NULL)", name=op.f("ck_promo_code_one_kind")),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name=op.f("ck_promo_code_percent")),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_promo_code_amount")),
        sa.CheckConstraint("(amount_cents IS NULL) = (currency IS NULL)", name=op.f("ck_promo_code_currency")),
        sa.CheckConstraint("duration IN ('once', 'repeating', 'forever')", name=op.f("ck_promo_code_duration")),
        sa.CheckConstraint("(duration = 'repeating') = (months IS NOT NULL)", name=op.f("ck_promo_code_months")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_promo_code_plan_id_plan")),
        sa.ForeignKeyConstraint(["created_by"], ["user.id"], name=op.f("fk_promo_code_created_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promo_code")),
        sa.UniqueConstraint("code", name=op.f("uq_promo_code_code")),
    )
    with op.batch_alter_table("checkout_attempt") as batch:  # one of the columns names another table
        batch.add_column(sa.Column(
            "promo_id", sa.Integer(),
            sa.ForeignKey("promo_code.id", name=op.f("fk_checkout_attempt_promo_id_promo_code")), nullable=True,
        ))  # fmt: skip
        batch.add_column(sa.Column("trial_days", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("checkout_attempt") as batch:
        batch.drop_column("trial_days")
        batch.drop_constraint(op.f("fk_checkout_attempt_promo_id_promo_code"), type_="foreignkey")
        batch.drop_column("promo_id")
    op.drop_table("promo_code")
    with op.batch_alter_table("price") as batch:
        batch.drop_constraint(op.f("ck_price_trial_days"), type_="check")
        batch.drop_column("trial_days")
    with op.batch_alter_table("plan") as batch:
        batch.drop_constraint(op.f("ck_plan_share_links"), type_="check")
        for name in ("share_links", "ad_free", "grants_respect", "grants_commenting", "grants_reading"):
            batch.drop_column(name)
