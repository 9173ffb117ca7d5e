"""What is sold, who bought it, and what that gives."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class Plan(Base):
    """What is sold, and what it grants. Plans are ordered by `rank`; a higher one includes what the lower give.

    The three flags say in which of a story's audiences its members are; `share_links` how many links a month they may
    give away.
    """

    __tablename__ = "plan"
    __table_args__ = (CheckConstraint("share_links >= 0", name="share_links"),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(String(300), default="")
    perks: Mapped[str] = mapped_column(Text, default="")  # one a line
    badge: Mapped[str] = mapped_column(String(30), default="")
    rank: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    grants_reading: Mapped[bool] = mapped_column(default=True)
    grants_commenting: Mapped[bool] = mapped_column(default=True)
    grants_respect: Mapped[bool] = mapped_column(default=True)
    ad_free: Mapped[bool] = mapped_column(default=False)
    share_links: Mapped[int] = mapped_column(default=0)


class Price(Base):
    """An amount for a plan. Amounts never change: a new price is a new row."""

    __tablename__ = "price"
    __table_args__ = (
        CheckConstraint('"interval" IN (\'month\', \'year\')', name="interval"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("trial_days > 0", name="trial_days"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60), unique=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    interval: Mapped[str] = mapped_column(String(5))
    active: Mapped[bool] = mapped_column(default=True)
    trial_days: Mapped[int | None]  # free days before the first payment, for who never had a Subscription here


class PromoCode(Base):
    """A code that lowers what is paid: by a share or an amount, once, for some months, or for good.

    Its terms never change; a wrong one is retired and another made.
    """

    __tablename__ = "promo_code"
    __table_args__ = (
        CheckConstraint("(percent IS NULL) != (amount_cents IS NULL)", name="one_kind"),
        CheckConstraint("percent > 0 AND percent <= 100", name="percent"),
        CheckConstraint("amount_cents > 0", name="amount"),
        CheckConstraint("(amount_cents IS NULL) = (currency IS NULL)", name="currency"),
        CheckConstraint("duration IN ('once', 'repeating', 'forever')", name="duration"),
        CheckConstraint("(duration = 'repeating') = (months IS NOT NULL)", name="months"),
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(40), unique=True)  # in capitals
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))  # only for this plan
    percent: Mapped[int | None]
    amount_cents: Mapped[int | None]
    currency: Mapped[str | None] = mapped_column(String(3))
    duration: Mapped[str] = mapped_column(String(9))
    months: Mapped[int | None]
    first_time_only: Mapped[bool] = mapped_column(default=False)
    most_redemptions: Mapped[int | None]
    expires_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class StripeObject(Base):
    """Which Stripe product or price stands for a plan or price of ours, per mode (sandbox, test, live)."""

    __tablename__ = "stripe_object"
    __table_args__ = (UniqueConstraint("mode", "stripe_id"),)

    mode: Mapped[str] = mapped_column(String(10), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(80))


class BillingCustomer(Base):
    """A reader's one Customer per mode, and the lease under which its state is fetched.

    `generation` rises with every fetch begun; `applied_generation` is the newest whose answer was written, so an
    older answer can never land on a newer one.
    """

    __tablename__ = "billing_customer"
    __table_args__ = (UniqueConstraint("mode", "user_id"), UniqueConstraint("mode", "stripe_id"))

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    stripe_id: Mapped[str | None] = mapped_column(String(80))
    generation: Mapped[int] = mapped_column(default=0)
    applied_generation: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    synced_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    asked_run: Mapped[int] = mapped_column(default=0)  # the newest BillingRun that asked for a comparison
    compared_run: Mapped[int] = mapped_column(default=0)  # and the newest that was told of one
    created_at: Mapped[CreatedAt]


class CheckoutAttempt(Base):
    """One try to pay. Its id makes the idempotency key; a reader has at most one open."""

    __tablename__ = "checkout_attempt"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'complete', 'expired', 'failed')", name="state"),
        Index("uq_checkout_attempt_open", "mode", "user_id", unique=True,
              sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
        Index("ix_checkout_attempt_finished_at", "finished_at"),
    )

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    price_id: Mapped[int] = mapped_column(ForeignKey("price.id"))
    state: Mapped[str] = mapped_column(String(10), default="open")
    session_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    url: Mapped[str | None] = mapped_column(Text)
    terms: Mapped[str] = mapped_column(Text, default="")  # the words shown beside the button
    promo_id: Mapped[int | None] = mapped_column(ForeignKey("promo_code.id"))
    trial_days: Mapped[int | None]
    quantity: Mapped[int] = mapped_column(default=1, server_default="1")  # seats, with the buyer's own
    return_path: Mapped[str] = mapped_column(String(300), default="/")
    expires_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]


class Subscription(Base):
    """The mirror of a Stripe Subscription of ours, as last fetched."""

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("mode", "stripe_id"),)

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    stripe_id: Mapped[str] = mapped_column(String(80))
    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customer.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    price_id: Mapped[int | None] = mapped_column(ForeignKey("price.id"))
    status: Mapped[str] = mapped_column(String(24))
    current_period_end_at: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    past_due_since: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]  # when Stripe tries the card again for what is owed; None: not by itself
    next_payment_cents: Mapped[int | None]  # as Stripe's preview of the next invoice says
    next_payment_currency: Mapped[str | None] = mapped_column(String(3))
    next_discount_cents: Mapped[int | None]  # what lowers that payment, likewise
    item: Mapped[str] = mapped_column(String(80), default="")  # Stripe's id of what is sold, which a switch changes
    quantity: Mapped[int] = mapped_column(default=1)
    trial_ends_at: Mapped[datetime | None]
    schedule: Mapped[str | None] = mapped_column(String(80))  # of a change that waits for the end of the period
    next_price_id: Mapped[int | None] = mapped_column(ForeignKey("price.id"))
    next_price_at: Mapped[datetime | None]
    next_quantity: Mapped[int | None]  # how many seats there are from then on
    is_paused: Mapped[bool] = mapped_column(default=False, server_default=false())  # nothing is collected
    pause_resumes_at: Mapped[datetime | None]
    seat_link_number: Mapped[int] = mapped_column(default=1, server_default="1")  # rises when the group's link changes
    card: Mapped[str | None] = mapped_column(String(60))  # as people know it: Visa ending in 4242
    card_expires: Mapped[str | None] = mapped_column(String(7))  # 2031-04
    yearly_cents: Mapped[int] = mapped_column(default=0, server_default="0")  # what it brings in a year, as it is now
    started_at: Mapped[datetime]
    fetched_at: Mapped[datetime]


class Payment(Base):
    """Money that arrived for an invoice of ours, and what went back."""

    __tablename__ = "payment"
    __table_args__ = (UniqueConstraint("mode", "invoice_id"),)

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    customer_id: Mapped[int] = mapped_column(ForeignKey("billing_customer.id"), index=True)
    invoice_id: Mapped[str] = mapped_column(String(80))
    subscription_id: Mapped[str | None] = mapped_column(String(80))
    number: Mapped[str | None] = mapped_column(String(80))
    amount_cents: Mapped[int]
    refunded_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    paid_at: Mapped[datetime]


class Membership(Base):
    """A reader and a plan, ours: from the first day to the last. At most one live per plan."""

    __tablename__ = "membership"
    __table_args__ = (
        Index("uq_membership_live", "user_id", "plan_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Entitlement(Base):
    """The authority on access: this reader has this plan from then until then, because of `source`."""

    __tablename__ = "entitlement"
    __table_args__ = (
        CheckConstraint("source IN ('stripe', 'gift', 'seat', 'complimentary', 'staff')", name="source"),
        UniqueConstraint("source", "source_ref"),
        Index("ix_entitlement_user", "user_id", "ends_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    membership_id: Mapped[int | None] = mapped_column(ForeignKey("membership.id"))
    source: Mapped[str] = mapped_column(String(14))
    source_ref: Mapped[str] = mapped_column(String(120))  # what it comes from: mode and subscription, a gift, …
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class StripeEvent(Base):
    """A webhook's Event as it came, and what became of it."""

    __tablename__ = "stripe_event"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'ignored', 'failed')", name="state"),
        Index("ix_stripe_event_state", "state", "received_at"),
        Index("ix_stripe_event_type", "mode", "type", "created_at"),
        Index("ix_stripe_event_customer", "customer", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    mode: Mapped[str] = mapped_column(String(10))
    type: Mapped[str] = mapped_column(String(80))
    api_version: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]
    received_at: Mapped[CreatedAt]
    via: Mapped[str] = mapped_column(String(8), default="webhook")  # or catch-up
    object_id: Mapped[str | None] = mapped_column(String(120))
    customer: Mapped[str | None] = mapped_column(String(80))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)  # what went wrong, or why it was left alone
    processed_at: Mapped[datetime | None]
