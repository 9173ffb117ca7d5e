"""Threads under stress: the brake of a heated discussion, surge mode, and alarms."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    moment = "TIMESTAMP WITH TIME ZONE" if _postgresql() else "DATETIME"
    op.execute("ALTER TABLE thread ADD COLUMN brake_seconds INTEGER")
    op.execute(f"ALTER TABLE thread ADD COLUMN brake_until {moment}")
    op.create_table(
        "surge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=True),
        sa.Column("holds_newcomers", sa.Boolean(), nullable=False),
        sa.Column("members_only", sa.Boolean(), nullable=False),
        sa.Column("pace_seconds", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.Integer(), nullable=False),
        sa.Column("starts_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("ends_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint("pace_seconds >= 0", name=op.f("ck_surge_pace_seconds")),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_surge_ends")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_surge_thread_id_thread")),
        sa.ForeignKeyConstraint(["started_by"], ["user.id"], name=op.f("fk_surge_started_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surge")),
    )
    op.create_index("ix_surge_ends", "surge", ["ends_at"])
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("started_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("last_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("usual", sa.Float(53), nullable=False),
        sa.Column("seen_by", sa.Integer(), nullable=True),
        sa.Column("ended_at", core.db.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["seen_by"], ["user.id"], name=op.f("fk_alarm_seen_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    sounding = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_alarm_sounding", "alarm", ["place"], unique=True, sqlite_where=sounding, postgresql_where=sounding
    )


def downgrade() -> None:
    op.drop_table("alarm")
    op.drop_table("surge")
    for column in ("brake_until", "brake_seconds"):
        op.execute(f"ALTER TABLE thread DROP COLUMN {column}")


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
