"""How far readers have read."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class ThreadVisit(Base):
    """A reader's last visit to a thread. The numbers are versions of the thread.

    What was published behind `seen_number` is new on this visit; `reached_number` is how far this visit has come, and
    what the next one begins behind. Forgotten after a while.
    """

    __tablename__ = "thread_visit"
    __table_args__ = (
        CheckConstraint("seen_number >= 0 AND seen_number <= reached_number", name="numbers"),
        Index("ix_thread_visit_visited_at", "visited_at"),
        {"sqlite_with_rowid": False},
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True)
    seen_number: Mapped[int]
    reached_number: Mapped[int]
    visited_at: Mapped[datetime]
