"""Links by which members give articles away."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "share_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("expires_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("revoked_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("sign_ups", sa.Integer(), nullable=False),
        sa.CheckConstraint("reads >= 0 AND sign_ups >= 0", name=op.f("ck_share_link_counts")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_share_link_article_id_article")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_share_link_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_link")),
    )
    op.create_index("ix_share_link_user", "share_link", ["user_id", "created_at"])
    op.create_index("ix_share_link_article_id", "share_link", ["article_id"])


def downgrade() -> None:
    op.drop_table("share_link")
