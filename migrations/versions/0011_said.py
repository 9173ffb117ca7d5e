"""Find what somebody said before by its words, not by reading their newest comments."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index("ix_comment_said", "comment", ["body_hash", "author_id"])


def downgrade() -> None:
    op.drop_index("ix_comment_said", table_name="comment")
