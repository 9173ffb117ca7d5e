"""Let the ledger hold changes of settings, with before and after, and seal every field of an entry alone.

Columns are added in place on both databases: the rows are not copied, and the triggers stay.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

INDEXES = {
    "ix_moderation_action_actor": ["actor_id", "id"],
    "ix_moderation_action_batch": ["batch_id"],
    "ix_moderation_action_created": ["created_at"],
}


def upgrade() -> None:
    op.add_column("moderation_action", sa.Column("batch_id", sa.Integer(), nullable=True))
    op.add_column("moderation_action", sa.Column("subject", sa.String(80), server_default="", nullable=False))
    op.add_column("moderation_action", sa.Column("before", sa.Text(), nullable=True))
    op.add_column("moderation_action", sa.Column("after", sa.Text(), nullable=True))
    op.add_column("moderation_action", sa.Column("salt", sa.String(32), server_default="", nullable=False))
    for name, columns in INDEXES.items():
        op.create_index(name, "moderation_action", columns)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "moderation_action")
    for name in ("salt", "after", "before", "subject", "batch_id"):
        op.drop_column("moderation_action", name)
