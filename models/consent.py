"""What a reader was shown and agreed to, and contracts they withdrew from. Both are proof, so neither is changed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class Consent(Base):
    """The words beside a button that was pressed, word for word, with the page and the network it was pressed from.

    Kept for three years, or one after the end of the membership, whichever is longer (California, Business and
    Professions Code § 17602). `network` is the address without its last part: enough for proof, too little to follow.
    """

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('join', 'switch', 'cancel', 'resume', 'withdraw', 'gift', 'seats', 'pause')", name="kind"
        ),
        Index("ix_consent_user", "user_id", "id"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(10))
    shown: Mapped[str] = mapped_column(Text)  # one sentence a line
    page: Mapped[str] = mapped_column(String(200))
    network: Mapped[str] = mapped_column(String(60), default="")
    subscription: Mapped[str | None] = mapped_column(String(80))  # Stripe's id, where there was one already
    created_at: Mapped[CreatedAt]


class Withdrawal(Base):
    """A contract given up within its first days: confirmed then, ended and paid back by a job. One per Subscription."""

    __tablename__ = "withdrawal"
    __table_args__ = (
        UniqueConstraint("mode", "subscription"),
        CheckConstraint("refunded_cents >= 0", name="refunded"),
        Index("ix_withdrawal_user", "user_id"),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    subscription: Mapped[str] = mapped_column(String(80))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    confirmed_at: Mapped[datetime]
    done_at: Mapped[datetime | None]  # ended and paid back at Stripe
    refunded_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str | None] = mapped_column(String(3))
