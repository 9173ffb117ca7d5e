"""How payments are looked after: rounds of catching up, comparing and checking, and bursts of declined cards."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class BillingRun(Base):
    """One round: Events asked for that no webhook brought, Customers compared with Stripe, or the account checked.

    A comparison has ended when `asked` Customers have been asked for, all of them (`listed_at`), and each was compared.
    """

    __tablename__ = "billing_run"
    __table_args__ = (
        CheckConstraint("kind IN ('catch-up', 'compare', 'check')", name="kind"),
        Index("ix_billing_run_kind", "mode", "kind", "id"),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10))
    started_at: Mapped[datetime]
    listed_at: Mapped[datetime | None]  # nobody else will be asked for
    ended_at: Mapped[datetime | None]
    asked: Mapped[int] = mapped_column(default=0)
    looked: Mapped[int] = mapped_column(default=0)  # Events listed, Customers compared, or things checked
    found: Mapped[int] = mapped_column(default=0)  # Events missed, differences, or things that are wrong
    error: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text, default="")  # of a check: what was found, as JSON


class BillingDrift(Base):
    """One thing that our tables had otherwise than Stripe, put right in the same transaction that wrote this."""

    __tablename__ = "billing_drift"
    __table_args__ = (Index("ix_billing_drift_customer", "customer_id", "id"),)

    id: Mapped[Id]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("billing_run.id", ondelete="CASCADE"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customer.id"))
    what: Mapped[str] = mapped_column(String(200))
    was: Mapped[str] = mapped_column(String(120))
    became: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]


class CardBurst(Base):
    """A time in which far more cards were declined than went through: somebody tries stolen ones. One open a mode."""

    __tablename__ = "card_burst"
    __table_args__ = (
        Index("uq_card_burst_open", "mode", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    declined: Mapped[int] = mapped_column(default=0)  # the most within one window
    readers: Mapped[int] = mapped_column(default=0)  # how many people's, in that window
