"""What Subscriptions bring in, and how that changed. Movements are only ever added."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

MOVEMENT_KINDS = ("new", "converted", "recovered", "upgraded", "repriced", "downgraded", "paused", "churned")


class Movement(Base):
    """One change of what a Subscription brings in, numbered from 1 in each; it begins where the last one ended.

    Amounts are what it brings in a year, in minor units: a month's price counts twelve times, a year's once. So every
    sum is exact, and MRR is a twelfth of it. `at` is the moment of the change as Stripe tells it.
    """

    __tablename__ = "movement"
    __table_args__ = (
        UniqueConstraint("subscription_id", "number"),
        CheckConstraint(f"kind IN {MOVEMENT_KINDS}", name="kind"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("before_cents >= 0 AND after_cents >= 0", name="amounts"),
        CheckConstraint("before_cents != after_cents OR plan_id != from_plan_id", name="moves"),
        CheckConstraint("(from_plan_id IS NULL) = (number = 1)", name="from_plan"),
        Index("ix_movement_at", "mode", "at"),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customer.id"), index=True)
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    cause: Mapped[str] = mapped_column(String(90))  # the Invoice that shows it, or what the Subscription said
    at: Mapped[datetime]
    currency: Mapped[str] = mapped_column(String(3))
    from_plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    before_cents: Mapped[int]
    after_cents: Mapped[int]
    quantity: Mapped[int]
    interval: Mapped[str] = mapped_column(String(12))
    recorded_at: Mapped[CreatedAt]


class BilledInvoice(Base):
    """The parts of an Invoice, so that what Subscriptions bring in can be held against what was billed.

    full periods - lasting discounts - one-off discounts + changes within a period + other = total. `yearly_cents` is
    what the full period, less lasting discounts, makes in a year; empty where the Invoice has no full period of ours.
    """

    __tablename__ = "billed_invoice"
    __table_args__ = (
        UniqueConstraint("mode", "invoice_id"),
        CheckConstraint(
            "full_cents - lasting_cents - once_cents + change_cents + other_cents = total_cents", name="parts"
        ),
        CheckConstraint(
            "full_cents >= 0 AND lasting_cents >= 0 AND once_cents >= 0 AND paid_cents >= 0", name="amounts"
        ),
        Index("ix_billed_invoice_issued", "mode", "issued_at"),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    invoice_id: Mapped[str] = mapped_column(String(80))
    number: Mapped[str | None] = mapped_column(String(80))
    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customer.id"), index=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id"), index=True)
    status: Mapped[str] = mapped_column(String(14))
    currency: Mapped[str] = mapped_column(String(3))
    issued_at: Mapped[datetime]
    period_start_at: Mapped[datetime | None]
    full_cents: Mapped[int]
    lasting_cents: Mapped[int]
    once_cents: Mapped[int]
    change_cents: Mapped[int]
    other_cents: Mapped[int]  # tax, and what Stripe carries over to a later Invoice
    total_cents: Mapped[int]
    paid_cents: Mapped[int]
    yearly_cents: Mapped[int | None]
