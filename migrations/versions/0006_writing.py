"""Generations of drafts, names in texts, words without a name, texts that were published, and waiting times."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0006"
down_revision = "0005"

# A former text was read by everybody if the comment was published before the next text took its place, unless the
# screening held that text, or a person reads all texts of the discussion first: of those it is not known.
_WAS_PUBLISHED = """
UPDATE revision SET was_published = true WHERE EXISTS (
    SELECT 1 FROM revision AS following
    JOIN comment ON comment.id = following.comment_id
    JOIN thread ON thread.id = comment.thread_id
    WHERE following.comment_id = revision.comment_id AND following.number = revision.number + 1
    AND comment.published_at < following.created_at AND NOT thread.premoderated
) AND NOT EXISTS (
    SELECT 1 FROM finding WHERE finding.comment_id = revision.comment_id AND finding.revision = revision.number
    AND finding.severity IN ('hold', 'reject')
)
"""


def upgrade() -> None:
    op.create_table(
        "mention",
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comment.id"], name=op.f("fk_mention_comment_id_comment")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_mention_user_id_user")),
        sa.PrimaryKeyConstraint("comment_id", "user_id", name=op.f("pk_mention")),
    )
    op.create_index("ix_mention_user", "mention", ["user_id", "comment_id"])
    op.create_table(
        "waiting_time",
        sa.Column("section_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.Integer(), nullable=False),
        sa.Column("computed_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("seconds >= 0 AND decisions > 0", name=op.f("ck_waiting_time_counts")),
        sa.PrimaryKeyConstraint("section_id", name=op.f("pk_waiting_time")),
    )
    op.add_column("comment", sa.Column("nameless", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("revision", sa.Column("was_published", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(_WAS_PUBLISHED)
    with op.batch_alter_table("draft") as draft:
        draft.add_column(sa.Column("generation", sa.Integer(), server_default="1", nullable=False))
        draft.create_check_constraint("generation", "generation > 0")


def downgrade() -> None:
    with op.batch_alter_table("draft") as draft:
        draft.drop_constraint(op.f("ck_draft_generation"), type_="check")
        draft.drop_column("generation")
    op.drop_column("revision", "was_published")
    op.drop_column("comment", "nameless")
    op.drop_table("waiting_time")
    op.drop_index("ix_mention_user", "mention")
    op.drop_table("mention")
