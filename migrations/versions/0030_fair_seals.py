"""Ends of the ledger that were published."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "ledger_seal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"], ["moderation_action.id"], name=op.f("fk_ledger_seal_action_id_moderation_action")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_seal")),
        sa.UniqueConstraint("action_id", name=op.f("uq_ledger_seal_action_id")),
    )


def downgrade() -> None:
    op.drop_table("ledger_seal")
