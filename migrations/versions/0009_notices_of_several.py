"""Where several causes of a notice are together."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("notice_cause", sa.Column("many_url", sa.String(length=300), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("notice_cause", "many_url")
