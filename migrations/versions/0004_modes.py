"""How discussions go: members first, slow, closing by themselves, questions to guests, a quiz; presets of sections."""

import sqlalchemy as sa
from alembic import op

import core.db

revision = "0004"
down_revision = "0003"

UNANSWERED = sa.text("is_question AND answered_at IS NULL AND status = 'published'")
ANSWERED = sa.text("is_question AND answered_at IS NOT NULL AND status = 'published'")


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, core.db.UTCDateTime(), nullable=True)


def _flag(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _number(table: str, name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), sa.CheckConstraint(f"{name} > 0", name=op.f(f"ck_{table}_{name}")))


def _count(name: str) -> sa.Column[object]:
    check = sa.CheckConstraint(f"{name} >= 0", name=op.f(f"ck_thread_{name}"))
    return sa.Column(name, sa.Integer(), check, nullable=False, server_default="0")


def _added() -> dict[str, list[sa.Column[object]]]:
    """The columns that are added. A constraint comes along with its column, so that SQLite need not copy the table."""
    return {
        "thread": [
            _moment("closed_at"), _moment("members_first_until"), _number("thread", "members_first_hours"),
            _moment("closes_at"), _number("thread", "closes_after_days"), _flag("takes_questions"),
            _moment("questions_open_at"), _moment("questions_close_at"), _flag("has_quiz"), _count("question_count"),
            _count("answered_count"),
        ],
        "comment": [_flag("is_question"), _flag("is_answer"), _moment("answered_at")],
        "section": [
            _flag("preset_premoderated"), sa.Column("preset_pace_seconds", sa.Integer(), nullable=True),
            _number("section", "preset_members_first_hours"), _number("section", "preset_closes_after_days"),
        ],
    }  # fmt: skip


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    for name, column, where in (
        ("ix_comment_unanswered", "respect_count", UNANSWERED), ("ix_comment_answered", "answered_at", ANSWERED),
    ):  # fmt: skip
        op.create_index(name, "comment", ["thread_id", column, "id"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "thread_guest",
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(length=80), nullable=False),
        sa.Column("added_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_thread_guest_thread_id_thread")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_thread_guest_user_id_user")),
        sa.PrimaryKeyConstraint("thread_id", "user_id", name=op.f("pk_thread_guest")),
    )
    op.create_index("ix_thread_guest_user", "thread_guest", ["user_id"])
    op.create_table(
        "quiz_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        *(sa.Column(f"choice_{number}", sa.String(length=160), nullable=False) for number in range(1, 5)),
        sa.Column("right_choice", sa.Integer(), nullable=False),
        sa.Column("where_said", sa.String(length=200), nullable=False),
        sa.CheckConstraint("right_choice BETWEEN 1 AND 4", name=op.f("ck_quiz_question_right_choice")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_quiz_question_thread_id_thread")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_question")),
        sa.UniqueConstraint("thread_id", "position", name=op.f("uq_quiz_question_thread_id_position")),
    )
    op.create_table(
        "quiz_pass",
        sa.Column("thread_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("passed_at", core.db.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_quiz_pass_thread_id_thread")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_quiz_pass_user_id_user")),
        sa.PrimaryKeyConstraint("thread_id", "user_id", name=op.f("pk_quiz_pass")),
    )


def downgrade() -> None:
    op.drop_table("quiz_pass")
    op.drop_table("quiz_question")
    op.drop_table("thread_guest")
    op.drop_index("ix_comment_answered", "comment")
    op.drop_index("ix_comment_unanswered", "comment")
    for table, columns in _added().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
