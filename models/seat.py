"""Places in a membership that somebody pays for a group."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

LIVE = text("ended_at IS NULL")


class Seat(Base):
    """A place in a group's Subscription: kept for an invited address, or taken by a reader.

    The owner's own place is number 1 and has no row. One live row per number and per reader, so that no place is given
    twice, whoever presses when.
    """

    __tablename__ = "seat"
    __table_args__ = (
        CheckConstraint("number >= 2", name="number"),
        CheckConstraint("(user_id IS NULL) = (taken_at IS NULL)", name="taken"),
        Index("uq_seat_number", "subscription_id", "number", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
        Index("uq_seat_user", "subscription_id", "user_id", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
        Index("ix_seat_user", "user_id"),
    )

    id: Mapped[Id]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id"))
    number: Mapped[int]
    email: Mapped[str] = mapped_column(String(254), default="")  # of an invitation
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[CreatedAt]
    taken_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
