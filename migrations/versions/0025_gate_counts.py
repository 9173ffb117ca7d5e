"""How often each step from an article's gate to a first comment was taken, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

STAGES = "stage IN ('seen', 'pressed', 'signed_up', 'paid', 'posted')"


def upgrade() -> None:
    op.create_table(
        "gate_count",
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stage", sa.String(length=9), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.CheckConstraint(STAGES, name=op.f("ck_gate_count_stage")),
        sa.CheckConstraint("number > 0", name=op.f("ck_gate_count_number")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_gate_count_article_id_article")),
        sa.PrimaryKeyConstraint("article_id", "day", "stage", name=op.f("pk_gate_count")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_gate_count_day", "gate_count", ["day"])
    op.create_index("ix_checkout_attempt_finished_at", "checkout_attempt", ["finished_at"])


def downgrade() -> None:
    op.drop_index("ix_checkout_attempt_finished_at", table_name="checkout_attempt")
    op.drop_table("gate_count")
