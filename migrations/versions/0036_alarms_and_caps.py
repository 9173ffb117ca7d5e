"""Alarms that reach people, caps on what one of the staff does in a while, and trusted flaggers."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0036"
down_revision = "0035"

BEFORE = ("reply", "mention", "pick", "decision", "staff_answer", "follow", "thanks")
TABLES = ("notice", "notice_cause", "notice_preference")


def upgrade() -> None:
    set_kinds((*BEFORE, "alarm"))
    op.execute("ALTER TABLE desk_preference ADD COLUMN alarm_mails BOOLEAN")
    false = "false" if op.get_bind().dialect.name == "postgresql" else "0"
    op.execute(f"ALTER TABLE illegal_notice ADD COLUMN by_trusted BOOLEAN DEFAULT {false} NOT NULL")
    op.create_table(
        "desk_cap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("decisions_per_minute", sa.Integer(), nullable=False),
        sa.Column("decisions_per_hour", sa.Integer(), nullable=False),
        sa.Column("sanctions_per_hour", sa.Integer(), nullable=False),
        sa.Column("bulk_per_hour", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_desk_cap_single")),
        sa.CheckConstraint(
            "decisions_per_minute > 0 AND decisions_per_hour > 0 AND sanctions_per_hour > 0 AND bulk_per_hour > 0",
            name=op.f("ck_desk_cap_numbers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_cap")),
    )
    op.create_table(
        "act_count",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("cap", sa.String(24), nullable=False),
        sa.Column("since", core.db.UTCDateTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_noted", sa.Boolean(), nullable=False),
        sa.CheckConstraint("number >= 0", name=op.f("ck_act_count_number")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_act_count_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", "cap", name=op.f("pk_act_count")),
    )
    op.create_table(
        "trusted_flagger",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_trusted_flagger_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_trusted_flagger")),
    )


def downgrade() -> None:
    for table in ("trusted_flagger", "act_count", "desk_cap"):
        op.drop_table(table)
    op.execute("ALTER TABLE illegal_notice DROP COLUMN by_trusted")
    op.execute("ALTER TABLE desk_preference DROP COLUMN alarm_mails")
    for table in reversed(TABLES):
        op.execute(f"DELETE FROM {table} WHERE kind = 'alarm'")
    set_kinds(BEFORE)


def set_kinds(kinds: tuple[str, ...]) -> None:
    """Let notices be of these kinds."""
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_kind"), type_="check")
            batch.create_check_constraint(op.f(f"ck_{table}_kind"), f"kind IN ({allowed})")
