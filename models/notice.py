"""What people are told, what they follow, and whom they do not want to hear of."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

NOTICE_KINDS = ("reply", "mention", "pick", "decision", "staff_answer", "follow", "thanks", "alarm")
HOWS = ("now", "daily", "never")
FOLLOW_KINDS = ("thread", "branch", "person", "part")

_KIND = f"kind IN ({', '.join(repr(kind) for kind in NOTICE_KINDS)})"
_UNREAD = "read_at IS NULL"
_UNREAD_AND_STANDING = "read_at IS NULL AND count > 0"


class Notice(Base):
    """What a person is told about one subject, while unread gathered in one row. `count`: causes that still stand.

    One without a standing cause is not shown. `moved_at` is when its newest cause came: lists are in that order.
    """

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint(_KIND, name="kind"),
        CheckConstraint("count >= 0", name="count"),
        Index("uq_notice_unread", "user_id", "kind", "subject_key", unique=True, sqlite_where=text(_UNREAD),
              postgresql_where=text(_UNREAD)),
        Index("ix_notice_bell", "user_id", sqlite_where=text(_UNREAD_AND_STANDING),
              postgresql_where=text(_UNREAD_AND_STANDING)),
        Index("ix_notice_list", "user_id", "moved_at", "id"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(12))
    subject_key: Mapped[str] = mapped_column(String(80))
    count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[CreatedAt]
    moved_at: Mapped[CreatedAt]
    read_at: Mapped[datetime | None]


class NoticeCause(Base):
    """One thing that happened, told to one person once: `cause` names it.

    `title` is for it alone, `many` for several; `{actor}` and `{count}` in them are filled in when they are shown.
    `url` leads to it, `many_url` to where several are together.
    `mail` says how it goes by mail: now, daily, never, or that it was sent. `scope` is where it happened.
    """

    __tablename__ = "notice_cause"
    __table_args__ = (
        UniqueConstraint("user_id", "cause"),
        CheckConstraint(_KIND, name="kind"),
        CheckConstraint("mail IN ('now', 'daily', 'never', 'sent')", name="mail"),
        Index("ix_notice_cause_notice", "notice_id", "id"),
        Index("ix_notice_cause_cause", "cause"),
        Index("ix_notice_cause_scope", "scope", "cause", sqlite_where=text("scope != ''"),
              postgresql_where=text("scope != ''")),
        Index("ix_notice_cause_actor", "actor_id", "user_id"),
        Index("ix_notice_cause_unsent", "mail", "user_id", sqlite_where=text("mail IN ('now', 'daily')"),
              postgresql_where=text("mail IN ('now', 'daily')")),
    )

    id: Mapped[Id]
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(12))
    cause: Mapped[str] = mapped_column(String(120))
    scope: Mapped[str] = mapped_column(String(40), default="")
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    title: Mapped[str] = mapped_column(String(400))
    many: Mapped[str] = mapped_column(String(400), default="")
    excerpt: Mapped[str] = mapped_column(Text, default="")
    url: Mapped[str] = mapped_column(String(300))
    many_url: Mapped[str] = mapped_column(String(300), default="", server_default="")
    reply_url: Mapped[str] = mapped_column(String(300), default="")
    mail: Mapped[str] = mapped_column(String(5))
    created_at: Mapped[CreatedAt]
    withdrawn_at: Mapped[datetime | None]


class NoticePreference(Base):
    """How a person wants to be mailed about one kind; without a row, as `notifications.kinds` says."""

    __tablename__ = "notice_preference"
    __table_args__ = (
        CheckConstraint(_KIND, name="kind"),
        CheckConstraint("how IN ('now', 'daily', 'never')", name="how"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    how: Mapped[str] = mapped_column(String(5))


class NoticeSetting(Base):
    """What else a person has set about being told. `digest_hour` is of UTC; `digest_at` when the last one was made.

    `feed_number` is part of the private feed's secret address. It only rises, so that no address comes back; there is
    a feed while it is odd.
    """

    __tablename__ = "notice_setting"
    __table_args__ = (
        CheckConstraint("digest_hour BETWEEN 0 AND 23", name="digest_hour"),
        CheckConstraint("feed_number >= 0", name="feed_number"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True, autoincrement=False)
    follow_own_threads: Mapped[bool] = mapped_column(default=False)
    digest_hour: Mapped[int] = mapped_column(default=7)
    digest_at: Mapped[datetime | None]
    feed_number: Mapped[int] = mapped_column(default=0)


class Follow(Base):
    """Somebody wants to hear what is new: in a thread, in a comment's branch (its root), or from a person.

    The kind `part` is kept for everybody who has said something in a thread; nobody chooses or sees it.
    """

    __tablename__ = "follow"
    __table_args__ = (
        CheckConstraint("kind IN ('thread', 'branch', 'person', 'part')", name="kind"),
        Index("ix_follow_target", "kind", "target_id", "user_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(6), primary_key=True)
    target_id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[CreatedAt]


class Mute(Base):
    """One reader no longer wants to hear of another, who does not learn of it."""

    __tablename__ = "mute"
    __table_args__ = (
        CheckConstraint("user_id != muted_id", name="other"),
        Index("ix_mute_muted", "muted_id", "user_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    muted_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    created_at: Mapped[CreatedAt]
