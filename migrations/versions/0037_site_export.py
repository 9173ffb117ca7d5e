"""Archives of the whole site that a publisher has asked for."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "site_export",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("file_name", sa.String(length=80), nullable=False),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("rows_in_all", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("expires_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("working_until", core.db.UTCDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'making', 'ready')", name=op.f("ck_site_export_state")),
        sa.CheckConstraint(
            "rows_done >= 0 AND rows_in_all >= 0 AND size >= 0", name=op.f("ck_site_export_counts")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["user.id"], name=op.f("fk_site_export_asked_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_export")),
        sa.UniqueConstraint("file_name", name=op.f("uq_site_export_file_name")),
    )


def downgrade() -> None:
    op.drop_table("site_export")
