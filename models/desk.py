"""What moderators work with: how much waits, who has taken what, and what they leave each other."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id, UserId


class ThreadBacklog(Base):
    """How many comments of a thread wait in each queue.

    Triggers on the table of comments keep these numbers, in the transaction of whatever changes a comment, so that no
    code can forget to. Each row moves under its thread's lock. `comment.reviewed_revision` is the text a person has
    looked at last: held are pending and withheld comments, reported are published ones with open reports, newcomers'
    are a person's first comments that nobody has looked at, unreviewed are published ones that nobody has.
    """

    __tablename__ = "thread_backlog"
    __table_args__ = (
        CheckConstraint("reported >= 0 AND held >= 0 AND newcomers >= 0 AND unreviewed >= 0", name="counts"),
    )

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True)
    reported: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    newcomers: Mapped[int] = mapped_column(default=0)
    unreviewed: Mapped[int] = mapped_column(default=0)


class Claim(Base):
    """A comment that a moderator has taken to decide about: one of them at a time, until it lapses."""

    __tablename__ = "claim"
    __table_args__ = (Index("ix_claim_moderator", "moderator_id", "position"),)

    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True, autoincrement=False)
    moderator_id: Mapped[UserId]
    position: Mapped[int]  # the order in which they were taken, which never changes
    claimed_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Pass(Base):
    """A comment that a moderator would rather leave to a colleague. Nobody asks why."""

    __tablename__ = "pass"

    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
    moderator_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    passed_at: Mapped[datetime]


class DeskPreference(Base):
    """How a moderator works: their keys, whether severe texts are covered, and how many of them an hour."""

    __tablename__ = "desk_preference"
    __table_args__ = (CheckConstraint("severe_per_hour >= 0 AND severe_seen >= 0", name="severe"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    keys: Mapped[str] = mapped_column(String(300), default="")  # "publish=a reject=r …"; what is not named: as usual
    covers_severe: Mapped[bool] = mapped_column(default=True)
    severe_per_hour: Mapped[int] = mapped_column(default=30)
    severe_seen: Mapped[int] = mapped_column(default=0)  # in the hour since `severe_since`
    severe_since: Mapped[datetime | None]
    alarm_mails: Mapped[bool | None]  # empty: as their role says


class DeskCap(Base):
    """The most that one of the staff does in a while, whoever uses their account: one row."""

    __tablename__ = "desk_cap"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint(
            "decisions_per_minute > 0 AND decisions_per_hour > 0 AND sanctions_per_hour > 0 AND bulk_per_hour > 0",
            name="numbers",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    decisions_per_minute: Mapped[int] = mapped_column(default=60)
    decisions_per_hour: Mapped[int] = mapped_column(default=1_200)
    sanctions_per_hour: Mapped[int] = mapped_column(default=60)
    bulk_per_hour: Mapped[int] = mapped_column(default=2_000)  # comments


class ActCount(Base):
    """What one of the staff did under one cap since a moment. `is_noted`: that they reached it is in the ledger."""

    __tablename__ = "act_count"
    __table_args__ = (CheckConstraint("number >= 0", name="number"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    cap: Mapped[str] = mapped_column(String(24), primary_key=True)  # a column of DeskCap
    since: Mapped[datetime]
    number: Mapped[int] = mapped_column(default=0)
    is_noted: Mapped[bool] = mapped_column(default=False)


class SavedView(Base):
    """A queue with filters under a name, for its maker or for everybody on the desk."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: Mapped[Id]
    owner_id: Mapped[UserId]
    name: Mapped[str] = mapped_column(String(60))
    queue: Mapped[str] = mapped_column(String(20))
    filters: Mapped[str] = mapped_column(String(600))  # as the query of an address
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[CreatedAt]


class HandoverNote(Base):
    """What a shift leaves to the next one."""

    __tablename__ = "handover_note"
    __table_args__ = (
        CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done"),
        Index("ix_handover_note_open", "id", sqlite_where=text("done_at IS NULL"),
              postgresql_where=text("done_at IS NULL")),
    )

    id: Mapped[Id]
    author_id: Mapped[UserId]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    done_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    done_at: Mapped[datetime | None]


class Tip(Base):
    """A comment that the desk shows the newsroom: something to follow up, or one to pick."""

    __tablename__ = "tip"
    __table_args__ = (
        CheckConstraint("kind IN ('story', 'pick')", name="kind"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
        Index("uq_tip_open", "comment_id", "kind", unique=True, sqlite_where=text("closed_at IS NULL"),
              postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[Id]
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"))
    kind: Mapped[str] = mapped_column(String(5))
    note: Mapped[str] = mapped_column(String(500), default="")
    suggested_by: Mapped[UserId]
    suggested_at: Mapped[datetime]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    closed_at: Mapped[datetime | None]


class CommentLanguage(Base):
    """In which language a comment seems to be written, as a guess from its letters and small words."""

    __tablename__ = "comment_language"

    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(String(3))


class BulkRun(Base):
    """One decision about many comments: tried first, then carried out by a job, and taken back as a whole.

    What it is about is fixed when it is tried: these comments in these texts, so nobody decides about what came later.
    """

    __tablename__ = "bulk_run"
    __table_args__ = (
        CheckConstraint("verb IN ('accept', 'reject')", name="verb"),
        CheckConstraint("state IN ('tried', 'running', 'done', 'undoing', 'undone')", name="state"),
        Index("ix_bulk_run_actor", "actor_id", "id"),
    )

    id: Mapped[Id]
    actor_id: Mapped[UserId]
    verb: Mapped[str] = mapped_column(String(6))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    about: Mapped[str] = mapped_column(String(700))  # how they were chosen, in words
    state: Mapped[str] = mapped_column(String(8), default="tried")
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class BulkItem(Base):
    """One comment of a decision about many, as it stood when that was tried, and what became of it."""

    __tablename__ = "bulk_item"
    __table_args__ = (
        CheckConstraint("outcome IN ('', 'done', 'refused', 'undone', 'kept')", name="outcome"),
        Index("ix_bulk_item_comment", "comment_id"),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("bulk_run.id"), primary_key=True)
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
    revision: Mapped[int]
    status: Mapped[str] = mapped_column(String(10))
    last_action_id: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str] = mapped_column(String(8), default="")
    why: Mapped[str] = mapped_column(String(300), default="")  # why it was left as it is
    action_id: Mapped[int | None] = mapped_column(ForeignKey("moderation_action.id"))
