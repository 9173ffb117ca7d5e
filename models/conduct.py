"""What the desk knows of people beside their comments, and what it suggests."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id, UserId


class PersonNote(Base):
    """What a moderator wants colleagues to know of a person: the first step of the ladder, and no restriction."""

    __tablename__ = "person_note"
    __table_args__ = (Index("ix_person_note_user", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[UserId]
    author_id: Mapped[UserId]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class LadderStep(Base):
    """From so many rejections within so many days on, the desk suggests this. A person decides."""

    __tablename__ = "ladder_step"
    __table_args__ = (
        CheckConstraint("rejections > 0 AND within_days > 0", name="numbers"),
        CheckConstraint("days IS NULL OR days > 0", name="days"),
        CheckConstraint("kind IN ('warning', 'slow-down', 'pre-moderation', 'suspension', 'ban')", name="kind"),
    )

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rejections: Mapped[int]
    within_days: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    days: Mapped[int | None]  # how long it lasts; empty where it has no length


class Likeness(Base):
    """Two accounts that may be one person, and why. Only shown: nothing ever follows from it by itself."""

    __tablename__ = "likeness"
    __table_args__ = (
        CheckConstraint("first_id < second_id", name="ordered"),
        CheckConstraint("verdict IN ('', 'same', 'different')", name="verdict"),
    )

    first_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    reasons: Mapped[str] = mapped_column(String(400))  # sentences, one a line
    strength: Mapped[int]
    found_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    verdict: Mapped[str] = mapped_column(String(10), default="")


class TrustedFlagger(Base):
    """Somebody whose reports come first, because their organisation was made a trusted flagger (DSA art. 22)."""

    __tablename__ = "trusted_flagger"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(120))


class ProtectedAuthor(Base):
    """Somebody on whose stories doubtful comments are held before anybody, they included, sees them."""

    __tablename__ = "protected_author"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
