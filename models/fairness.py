"""Fair process: what outsiders notify, what is kept and for how long, and acts that take many others back."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

NOTICE_OUTCOMES = ("open", "removed", "kept", "elsewhere")


class FairProcess(Base):
    """What the publisher sets about openness and keeping: one row."""

    __tablename__ = "fair_process"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint("removed_text_days >= 183", name="removed_text_days"),
        CheckConstraint("address_days > 0 AND notifier_days > 0", name="days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    public_log: Mapped[bool] = mapped_column(default=False, server_default=false())
    public_report: Mapped[bool] = mapped_column(default=False, server_default=false())
    dispute_body: Mapped[str] = mapped_column(String(300), default="", server_default="")  # certified, DSA art. 21
    address_days: Mapped[int] = mapped_column(default=30, server_default="30")
    removed_text_days: Mapped[int] = mapped_column(default=183, server_default="183")  # not before objections end
    notifier_days: Mapped[int] = mapped_column(default=365, server_default="365")


class IllegalNotice(Base):
    """A notice of illegal content by anybody (DSA art. 16), under a reference and a secret link.

    `revision` freezes which text of the comment it is about. Name and address may be empty where the law asks for none,
    and are emptied when their time is over. A notifier may ask once for another look, by somebody else.
    """

    __tablename__ = "illegal_notice"
    __table_args__ = (
        CheckConstraint("outcome IN ('open', 'removed', 'kept', 'elsewhere')", name="outcome"),
        CheckConstraint("second_outcome IN ('', 'open', 'removed', 'kept')", name="second_outcome"),
        CheckConstraint("(outcome = 'open') = (decided_at IS NULL)", name="decided"),
        Index("ix_illegal_notice_open", "id",
              sqlite_where=text("outcome = 'open' OR second_outcome = 'open'"),
              postgresql_where=text("outcome = 'open' OR second_outcome = 'open'")),
        Index("ix_illegal_notice_created", "created_at"),
        Index("ix_illegal_notice_comment", "comment_id"),
    )

    id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    revision: Mapped[int | None]
    url: Mapped[str] = mapped_column(String(500))
    category: Mapped[str] = mapped_column(String(20))
    explanation: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    created_at: Mapped[CreatedAt]
    outcome: Mapped[str] = mapped_column(String(10), default="open")
    legal_ground: Mapped[str] = mapped_column(String(300), default="")
    answer: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decided_at: Mapped[datetime | None]
    action_id: Mapped[int | None] = mapped_column(ForeignKey("moderation_action.id"))
    objection: Mapped[str] = mapped_column(Text, default="")
    objected_at: Mapped[datetime | None]
    second_outcome: Mapped[str] = mapped_column(String(10), default="")
    second_answer: Mapped[str] = mapped_column(Text, default="")
    second_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    second_at: Mapped[datetime | None]
    by_trusted: Mapped[bool] = mapped_column(default=False, server_default=false())  # by a trusted flagger, DSA art. 22
    forgotten_at: Mapped[datetime | None]  # when name and address were emptied


class Reversal(Base):
    """Everything one person did since a moment, taken back entry by entry by a job; or such a reversal taken back.

    `cursor_id` is the entry that was looked at last, from the newest down. What could not be taken back stays counted,
    with its reason in `left`, one a line.
    """

    __tablename__ = "reversal"
    __table_args__ = (
        CheckConstraint("(of_actor_id IS NULL) != (of_batch_id IS NULL)", name="what"),
        CheckConstraint("(of_actor_id IS NULL) = (since IS NULL)", name="since"),
        Index("uq_reversal_batch", "of_batch_id", unique=True),
    )

    id: Mapped[Id]
    action_id: Mapped[int] = mapped_column(ForeignKey("moderation_action.id"), unique=True)
    of_actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    since: Mapped[datetime | None]
    of_batch_id: Mapped[int | None]
    asked_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[CreatedAt]
    cursor_id: Mapped[int]
    done_count: Mapped[int] = mapped_column(default=0)
    left_count: Mapped[int] = mapped_column(default=0)
    left: Mapped[str] = mapped_column(Text, default="")
    finished_at: Mapped[datetime | None]


class LegalHold(Base):
    """Nothing of this person, or of this comment, is removed by a clock until the hold ends."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) != (comment_id IS NULL)", name="what"),
        CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released"),
        Index("ix_legal_hold_user", "user_id"),
        Index("ix_legal_hold_comment", "comment_id"),
    )

    id: Mapped[Id]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    reason: Mapped[str] = mapped_column(String(500))
    ends_at: Mapped[datetime | None]
    placed_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    placed_at: Mapped[CreatedAt]
    released_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    released_at: Mapped[datetime | None]


class PurgeRequest(Base):
    """Somebody asks that a removed comment's words go for good at once; another person agrees or not."""

    __tablename__ = "purge_request"
    __table_args__ = (
        CheckConstraint("outcome IN ('open', 'done', 'refused')", name="outcome"),
        CheckConstraint("outcome != 'done' OR decided_by != asked_by", name="two_people"),
        Index("uq_purge_request_open", "comment_id", unique=True, sqlite_where=text("outcome = 'open'"),
              postgresql_where=text("outcome = 'open'")),
    )

    id: Mapped[Id]
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"))
    reason: Mapped[str] = mapped_column(String(500))
    asked_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    asked_at: Mapped[CreatedAt]
    outcome: Mapped[str] = mapped_column(String(8), default="open")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decided_at: Mapped[datetime | None]


class RetentionRun(Base):
    """What a clock removed on one day."""

    __tablename__ = "retention_run"

    id: Mapped[Id]
    clock: Mapped[str] = mapped_column(String(40), index=True)
    removed: Mapped[int]
    ran_at: Mapped[CreatedAt]
