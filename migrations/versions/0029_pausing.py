"""Memberships that their members may let rest for a while."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0029"
down_revision = "0028"

BEFORE = "kind IN ('join', 'switch', 'cancel', 'resume', 'withdraw', 'gift', 'seats')"
AFTER = "kind IN ('join', 'switch', 'cancel', 'resume', 'withdraw', 'gift', 'seats', 'pause')"


def upgrade() -> None:
    op.add_column("subscription", sa.Column("is_paused", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("subscription", sa.Column("pause_resumes_at", core.db.UTCDateTime(), nullable=True))
    op.execute(
        "ALTER TABLE site ADD COLUMN longest_pause VARCHAR(1) DEFAULT '0' NOT NULL CONSTRAINT ck_site_longest_pause"
        " CHECK (longest_pause IN ('0', '1', '2', '3'))"
    )
    _let_agreements_be(AFTER)


def downgrade() -> None:
    op.execute("UPDATE consent SET kind = 'switch' WHERE kind = 'pause'")
    _let_agreements_be(BEFORE)
    op.execute("ALTER TABLE site DROP COLUMN longest_pause")
    with op.batch_alter_table("subscription") as batch:
        batch.drop_column("pause_resumes_at")
        batch.drop_column("is_paused")


def _let_agreements_be(rule: str) -> None:
    with op.batch_alter_table("consent") as batch:
        batch.drop_constraint(op.f("ck_consent_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_consent_kind"), rule)
