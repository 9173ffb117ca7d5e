"""Who may read the comments of a gated article."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE site ADD COLUMN comments_shown_to VARCHAR(15) DEFAULT 'everyone' NOT NULL"
        " CONSTRAINT ck_site_comments_shown_to CHECK (comments_shown_to IN ('everyone', 'article_readers'))"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE site DROP COLUMN comments_shown_to")
