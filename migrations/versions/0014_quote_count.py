"""How many comments an article quotes."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("article", sa.Column("quote_count", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE article SET quote_count = (SELECT count(*) FROM article_quote WHERE article_quote.article_id = article.id)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE article DROP COLUMN quote_count")
