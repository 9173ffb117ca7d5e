"""Discussions under stress."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import Id, UserId


class Surge(Base):
    """Surge mode: for a discussion, or for all of them, until a moment. Ended early, `ends_at` says when."""

    __tablename__ = "surge"
    __table_args__ = (
        CheckConstraint("pace_seconds >= 0", name="pace_seconds"),
        CheckConstraint("ends_at >= starts_at", name="ends"),
        Index("ix_surge_ends", "ends_at"),
    )

    id: Mapped[Id]
    thread_id: Mapped[int | None] = mapped_column(ForeignKey("thread.id"))  # empty: every discussion
    holds_newcomers: Mapped[bool]
    members_only: Mapped[bool]
    pace_seconds: Mapped[int]  # at least so long between two comments of one person; 0: no longer than usual
    started_by: Mapped[UserId]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Alarm(Base):
    """Comments come much faster than usual. One sounds for a place at a time, until it is calm again."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index("uq_alarm_sounding", "place", unique=True, sqlite_where=text("ended_at IS NULL"),
              postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[Id]
    place: Mapped[int]  # a thread's id, 0 for all discussions together
    started_at: Mapped[datetime]
    last_at: Mapped[datetime]  # when it was last so
    comments: Mapped[int]  # in a minute, the most so far
    usual: Mapped[float] = mapped_column(Float(53))  # in a minute, before
    seen_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None]
