"""Price rises, proof of what members were told about money, where readers say they live, and when access ends."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0026"
down_revision = "0025"

MOMENT = core.db.UTCDateTime
PLANNED = sa.text("state = 'planned'")
UNSENT = sa.text("sent_at IS NULL")


def _flags() -> list[sa.Column[bool]]:
    return [
        sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true())
        for name in ("refund_ends_access", "dispute_ends_access")
    ]


def upgrade() -> None:
    op.add_column("user", sa.Column("country", sa.String(length=5), nullable=True))
    op.add_column("subscription", sa.Column("next_try_at", MOMENT(), nullable=True))
    for flag in _flags():
        op.add_column("site", flag)
    op.create_table(
        "billing_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("subscription", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("occasion", sa.String(length=40), nullable=False),
        sa.Column("law", sa.String(length=10), nullable=False),
        sa.Column("country", sa.String(length=5), nullable=True),
        sa.Column("about_at", MOMENT(), nullable=False),
        sa.Column("opens_at", MOMENT(), nullable=False),
        sa.Column("closes_at", MOMENT(), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("mail_id", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT(), nullable=False),
        sa.Column("sent_at", MOMENT(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('trial', 'renewal', 'annual', 'price', 'price_kept')", name=op.f("ck_billing_notice_kind")
        ),
        sa.CheckConstraint("opens_at <= closes_at", name=op.f("ck_billing_notice_window")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_billing_notice_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_notice")),
        sa.UniqueConstraint("mode", "subscription", "kind", "occasion", name=op.f("uq_billing_notice_mode_subscription_kind_occasion")),
    )
    op.create_index("ix_billing_notice_user", "billing_notice", ["user_id", "id"])
    op.create_index(
        "ix_billing_notice_unsent", "billing_notice", ["mail_id"], sqlite_where=UNSENT, postgresql_where=UNSENT
    )
    op.create_table(
        "price_rise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("from_price_id", sa.Integer(), nullable=False),
        sa.Column("to_price_id", sa.Integer(), nullable=False),
        sa.Column("takes_effect_at", MOMENT(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", MOMENT(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("ended_at", MOMENT(), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('planned', 'called_off', 'done')", name=op.f("ck_price_rise_state")),
        sa.CheckConstraint("from_price_id != to_price_id", name=op.f("ck_price_rise_another")),
        sa.ForeignKeyConstraint(["from_price_id"], ["price.id"], name=op.f("fk_price_rise_from_price_id_price")),
        sa.ForeignKeyConstraint(["to_price_id"], ["price.id"], name=op.f("fk_price_rise_to_price_id_price")),
        sa.ForeignKeyConstraint(["created_by"], ["user.id"], name=op.f("fk_price_rise_created_by_user")),
        sa.ForeignKeyConstraint(["ended_by"], ["user.id"], name=op.f("fk_price_rise_ended_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_rise")),
    )
    op.create_index(
        "uq_price_rise_planned", "price_rise", ["mode", "from_price_id"], unique=True, sqlite_where=PLANNED,
        postgresql_where=PLANNED,
    )
    op.create_table(
        "price_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rise_id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("subscription", sa.String(length=80), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=5), nullable=False),
        sa.Column("renewal_at", MOMENT(), nullable=False),
        sa.Column("told_at", MOMENT(), nullable=False),
        sa.Column("changed_at", MOMENT(), nullable=False),
        sa.CheckConstraint("state IN ('told', 'set', 'moved', 'left', 'kept')", name=op.f("ck_price_move_state")),
        sa.ForeignKeyConstraint(["rise_id"], ["price_rise.id"], name=op.f("fk_price_move_rise_id_price_rise")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_price_move_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_move")),
        sa.UniqueConstraint("rise_id", "subscription", name=op.f("uq_price_move_rise_id_subscription")),
    )
    op.create_index("ix_price_move_subscription", "price_move", ["mode", "subscription"])
    op.create_index("ix_price_move_user_id", "price_move", ["user_id"])


def downgrade() -> None:
    op.drop_table("price_move")
    op.drop_table("price_rise")
    op.drop_table("billing_notice")
    for flag in _flags():
        op.execute(f"ALTER TABLE site DROP COLUMN {flag.name}")
    op.execute("ALTER TABLE subscription DROP COLUMN next_try_at")
    op.execute('ALTER TABLE "user" DROP COLUMN country')
