"""What changed in threads lately, for pages that are open, and how many people read along."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

LIVE_KINDS = ("comment", "edited", "gone", "respect", "thread")


class LiveEvent(Base):
    """One visible change of a thread. `number` is the thread's version after it, so it rises under the thread's lock.

    Never changed, and forgotten after a while. It carries no words: who may see the comment is asked when they are
    fetched. A version without an event is one that open pages need not hear of.
    """

    __tablename__ = "live_event"
    __table_args__ = (
        CheckConstraint("kind IN ('comment', 'edited', 'gone', 'respect', 'thread')", name="kind"),
        CheckConstraint("(comment_id IS NULL) = (kind = 'thread')", name="subject"),
        {"sqlite_with_rowid": False},  # the key is the table: one tree to write to, not two
    )

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    parent_id: Mapped[int | None]
    root_id: Mapped[int | None]
    count: Mapped[int]  # the thread's published comments after the change
    respects: Mapped[int | None]  # the comment's after the change
    created_at: Mapped[datetime]


class ReadingNow(Base):
    """How many people have a thread open at one process of the server, as it counted last."""

    __tablename__ = "reading_now"
    __table_args__ = (CheckConstraint("readers >= 0", name="readers"), {"sqlite_with_rowid": False})

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True)
    process: Mapped[str] = mapped_column(String(80), primary_key=True)
    readers: Mapped[int]
    seen_at: Mapped[datetime]
