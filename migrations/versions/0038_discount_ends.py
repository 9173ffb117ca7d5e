"""What lowers the next payment, and the letter before a discount ends."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

BEFORE = "kind IN ('trial', 'renewal', 'annual', 'price', 'price_kept')"
AFTER = "kind IN ('trial', 'renewal', 'annual', 'price', 'price_kept', 'promotion')"


def upgrade() -> None:
    op.add_column("subscription", sa.Column("next_discount_cents", sa.Integer(), nullable=True))
    _kinds(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM billing_notice WHERE kind = 'promotion'")
    _kinds(BEFORE)
    with op.batch_alter_table("subscription") as batch:
        batch.drop_column("next_discount_cents")


def _kinds(allowed: str) -> None:
    with op.batch_alter_table("billing_notice") as batch:
        batch.drop_constraint(op.f("ck_billing_notice_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_billing_notice_kind"), allowed)
