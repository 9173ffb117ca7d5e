"""Memberships bought for somebody else."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class Gift(Base):
    """A month or a year of a plan, paid once, sent on a day, redeemed by a link, once.

    `open` while it is being paid; `paid` until somebody redeems it or the giver takes it back. The span is set when
    it is redeemed and moves until it has begun; none while a membership without an end is in its way.
    """

    __tablename__ = "gift"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'paid', 'redeemed', 'revoked', 'expired', 'failed')", name="state"),
        CheckConstraint("(state = 'redeemed') = (redeemed_by IS NOT NULL)", name="redeemed"),
        CheckConstraint("(state IN ('paid', 'redeemed', 'revoked')) = (paid_at IS NOT NULL)", name="paid"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name="span"),
        CheckConstraint("paid_cents >= 0 AND refunded_cents >= 0", name="amounts"),
        Index("uq_gift_open", "mode", "giver_id", unique=True,
              sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
        Index("ix_gift_giver", "giver_id", "id"),
        Index("ix_gift_redeemed_by", "redeemed_by"),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    giver_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    price_id: Mapped[int] = mapped_column(ForeignKey("price.id"))
    state: Mapped[str] = mapped_column(String(10), default="open")
    from_name: Mapped[str] = mapped_column(String(80))
    to_name: Mapped[str] = mapped_column(String(80))
    to_email: Mapped[str] = mapped_column(String(254))
    note: Mapped[str] = mapped_column(Text, default="")
    send_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    link_number: Mapped[int] = mapped_column(default=1)  # rises when the mail goes to another address: older links die
    session_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    intent: Mapped[str | None] = mapped_column(String(80))  # Stripe's PaymentIntent that paid it
    paid_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    paid_at: Mapped[datetime | None]
    refunded_cents: Mapped[int] = mapped_column(default=0)
    disputed: Mapped[bool] = mapped_column(default=False)
    revoked_at: Mapped[datetime | None]
    redeemed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    redeemed_at: Mapped[datetime | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
