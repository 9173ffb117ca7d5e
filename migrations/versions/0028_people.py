"""People on the desk: notes, warnings to be acknowledged, the ladder, the weight of reports, likeness, protection."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0028"
down_revision = "0027"

ROLES = "name IN ('author', 'moderator', 'editor', 'publisher')"
NEW_ROLES = "name IN ('author', 'moderator', 'lead', 'editor', 'publisher')"


def upgrade() -> None:
    moment = "TIMESTAMP WITH TIME ZONE" if _postgresql() else "DATETIME"
    op.execute(f"ALTER TABLE sanction ADD COLUMN acknowledged_at {moment}")
    # Nobody was asked to read the warnings of before.
    op.execute("UPDATE sanction SET acknowledged_at = starts_at WHERE kind = 'warning'")
    op.execute("ALTER TABLE report ADD COLUMN weight FLOAT DEFAULT 1 NOT NULL")
    op.execute("ALTER TABLE report ADD COLUMN cluster VARCHAR(64) DEFAULT '' NOT NULL")
    op.execute(f"ALTER TABLE report ADD COLUMN withdrawn_at {moment}")
    op.execute("ALTER TABLE comment ADD COLUMN report_weight FLOAT DEFAULT 0 NOT NULL")
    op.execute("UPDATE comment SET report_weight = report_count WHERE report_count > 0")
    op.create_index("ix_report_reporter", "report", ["reporter_id", "resolved_at"])
    _roles(NEW_ROLES)
    op.create_table(
        "person_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_person_note_user_id_user")),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_person_note_author_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_note")),
    )
    op.create_index("ix_person_note_user", "person_note", ["user_id", "id"])
    op.create_table(
        "ladder_step",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rejections", sa.Integer(), nullable=False),
        sa.Column("within_days", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.CheckConstraint("rejections > 0 AND within_days > 0", name=op.f("ck_ladder_step_numbers")),
        sa.CheckConstraint("days IS NULL OR days > 0", name=op.f("ck_ladder_step_days")),
        sa.CheckConstraint(
            "kind IN ('warning', 'slow-down', 'pre-moderation', 'suspension', 'ban')", name=op.f("ck_ladder_step_kind")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ladder_step")),
    )
    op.create_table(
        "likeness",
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.String(400), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("found_at", core.db.UTCDateTime(), nullable=False),
        sa.Column("closed_at", core.db.UTCDateTime(), nullable=True),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_likeness_ordered")),
        sa.CheckConstraint("verdict IN ('', 'same', 'different')", name=op.f("ck_likeness_verdict")),
        sa.ForeignKeyConstraint(["first_id"], ["user.id"], name=op.f("fk_likeness_first_id_user")),
        sa.ForeignKeyConstraint(["second_id"], ["user.id"], name=op.f("fk_likeness_second_id_user")),
        sa.ForeignKeyConstraint(["closed_by"], ["user.id"], name=op.f("fk_likeness_closed_by_user")),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_likeness")),
    )
    op.create_table(
        "protected_author",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_protected_author_user_id_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_protected_author")),
    )


def downgrade() -> None:
    for table in ("protected_author", "likeness", "ladder_step", "person_note"):
        op.drop_table(table)
    op.execute("UPDATE role_grant SET name = 'moderator' WHERE name = 'lead' AND user_id NOT IN"
               " (SELECT user_id FROM role_grant WHERE name = 'moderator')")  # fmt: skip
    op.execute("DELETE FROM role_grant WHERE name = 'lead'")
    _roles(ROLES)
    op.drop_index("ix_report_reporter", "report")
    for table, columns in (
        ("comment", ["report_weight"]), ("report", ["withdrawn_at", "cluster", "weight"]),
        ("sanction", ["acknowledged_at"]),
    ):
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _roles(after: str) -> None:
    """Which roles there are is a check on a small table, which SQLite has to make anew for it."""
    if _postgresql():
        op.drop_constraint(op.f("ck_role_grant_name"), "role_grant", type_="check")
        op.create_check_constraint(op.f("ck_role_grant_name"), "role_grant", after)
        return
    table = sa.Table(
        "role_grant", sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("granted_at", core.db.UTCDateTime(), nullable=False),
        sa.CheckConstraint(after, name=op.f("ck_role_grant_name")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_role_grant_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
        sa.UniqueConstraint("user_id", "name", name="uq_role_grant_user_role"),
    )  # fmt: skip
    with op.batch_alter_table("role_grant", copy_from=table, recreate="always"):
        pass
    op.create_index(op.f("ix_role_grant_user_id"), "role_grant", ["user_id"])


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
