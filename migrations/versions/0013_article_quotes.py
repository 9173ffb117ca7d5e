"""Comments that articles quote."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "article_quote",
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_article_quote_article_id_article")),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_article_quote_comment_id_comment")),
        sa.PrimaryKeyConstraint("article_id", "comment_id", name=op.f("pk_article_quote")),
    )


def downgrade() -> None:
    op.drop_table("article_quote")
