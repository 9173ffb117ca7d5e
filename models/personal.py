"""What people ask for about their own data: a copy of it, and its end."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class Erasure(Base):
    """Somebody has asked for the end of the account; until `due_at` they can change their mind."""

    __tablename__ = "erasure"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    keep_words: Mapped[bool]
    asked_at: Mapped[CreatedAt]
    due_at: Mapped[datetime] = mapped_column(index=True)


class DataCopy(Base):
    """An archive of everything about somebody: asked for, made by a job, kept for some days."""

    __tablename__ = "data_copy"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'making', 'ready')", name="state"),)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    parts_done: Mapped[int] = mapped_column(default=0)
    parts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    archive: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int] = mapped_column(default=0)  # bytes
