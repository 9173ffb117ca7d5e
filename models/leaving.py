"""The end of what somebody who left was paying for."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import Id

UNDONE = text("done_at IS NULL")


class BillingEnd(Base):
    """Somebody deleted their account while something of theirs could be paid: asked for in the same transaction, done
    by a job as often as it takes. `proof` says what Stripe said once nothing was left; it names no person.
    """

    __tablename__ = "billing_end"
    __table_args__ = (
        UniqueConstraint("mode", "user_id"),
        CheckConstraint("tries >= 0 AND refunded_cents >= 0", name="counts"),
        Index("ix_billing_end_undone", "mode", "asked_at", sqlite_where=UNDONE, postgresql_where=UNDONE),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    asked_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)  # of the last try
    done_at: Mapped[datetime | None]
    proof: Mapped[str] = mapped_column(Text, default="")  # one sentence a line
    refunded_cents: Mapped[int] = mapped_column(default=0)  # what was taken after they left, and given back
