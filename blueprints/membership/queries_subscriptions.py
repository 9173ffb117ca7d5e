"""The mirrors of Stripe's Subscriptions."""

from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.orm import aliased

from blueprints.membership.policy import BLOCKS_JOINING, OWING, RUNNING
from core.db import db
from core.records import dataclass
from models.membership import BillingCustomer, Entitlement, Plan, Price, Subscription

UNENDED = ("trialing", "active", "past_due", "unpaid", "paused", "incomplete")


@dataclass(frozen=True, slots=True)
class BillingState:
    """A reader's Subscription as last fetched."""

    subscription: str
    customer: str
    status: str
    plan_key: str
    plan_name: str
    amount_cents: int | None
    currency: str | None
    interval: str | None
    period_end_at: datetime | None
    cancel_at: datetime | None
    past_due_since: datetime | None
    next_payment_cents: int | None
    next_payment_currency: str | None
    access_ends_at: datetime | None
    has_access: bool
    synced_at: datetime | None
    price_key: str | None = None
    plan_rank: int = 0
    quantity: int = 1
    started_at: datetime | None = None
    trial_ends_at: datetime | None = None
    card: str | None = None
    card_expires: str | None = None
    schedule: str | None = None
    next_plan_name: str | None = None
    next_amount_cents: int | None = None
    next_interval: str | None = None
    next_price_at: datetime | None = None
    next_try_at: datetime | None = None
    next_quantity: int | None = None
    is_paused: bool = False
    resumes_at: datetime | None = None

    @property
    def is_owing(self) -> bool:
        return self.status in OWING

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING

    @property
    def is_ending(self) -> bool:
        return self.is_running and self.cancel_at is not None


def known_subscriptions(mode: str, stripe_ids: list[str]) -> dict[str, str]:
    """The mirrored status of these Subscriptions."""
    rows = db.session().execute(
        select(Subscription.stripe_id, Subscription.status)
        .where(Subscription.mode == mode, Subscription.stripe_id.in_(stripe_ids))
    )  # fmt: skip
    return {row.stripe_id: row.status for row in rows}


def subscriptions_of(customer_id: int) -> dict[str, Subscription]:
    """The mirror rows of a Customer by Stripe's id."""
    rows = db.session().scalars(select(Subscription).where(Subscription.customer_id == customer_id))
    return {row.stripe_id: row for row in rows}


def billing_state(mode: str, user_id: int, at: datetime) -> BillingState | None:
    """The reader's Subscription that decides: a running one before one that owes, the older before the newer."""
    following, following_plan = aliased(Price), aliased(Plan)
    order = case((Subscription.status.in_(RUNNING), 0), (Subscription.status.in_(BLOCKS_JOINING), 1), else_=2)
    row = db.session().execute(
        select(Subscription, BillingCustomer.stripe_id.label("customer"), BillingCustomer.synced_at, Plan, Price,
               Entitlement, following, following_plan)
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(Price, Price.id == Subscription.price_id)
        .outerjoin(following, following.id == Subscription.next_price_id)
        .outerjoin(following_plan, following_plan.id == following.plan_id)
        .outerjoin(
            Entitlement,
            (Entitlement.source == "stripe")
            & (Entitlement.source_ref == Subscription.mode + ":" + Subscription.stripe_id),
        )
        .where(
            BillingCustomer.mode == mode, BillingCustomer.user_id == user_id, BillingCustomer.stripe_id.is_not(None),
            Subscription.status.in_(UNENDED),
        )
        .order_by(order, Subscription.started_at, Subscription.id).limit(1),
        execution_options={"populate_existing": True},
    ).first()  # fmt: skip
    if row is None:
        return None
    mirror, customer, synced_at, plan = row[:4]
    price: Price | None = row[4]
    entitlement: Entitlement | None = row[5]
    next_price: Price | None = row[6]
    next_plan: Plan | None = row[7]
    return BillingState(
        subscription=mirror.stripe_id, customer=customer or "", status=mirror.status, plan_key=plan.key,
        plan_name=plan.name, amount_cents=price.amount_cents if price else None,
        currency=price.currency if price else None, interval=price.interval if price else None,
        period_end_at=mirror.current_period_end_at, cancel_at=mirror.cancel_at,
        past_due_since=mirror.past_due_since, next_payment_cents=mirror.next_payment_cents,
        next_payment_currency=mirror.next_payment_currency, access_ends_at=entitlement.ends_at if entitlement else None,
        has_access=entitlement is not None and (entitlement.ends_at is None or entitlement.ends_at > at),
        synced_at=synced_at, price_key=price.key if price else None, plan_rank=plan.rank, quantity=mirror.quantity,
        started_at=mirror.started_at, trial_ends_at=mirror.trial_ends_at, card=mirror.card,
        card_expires=mirror.card_expires, schedule=mirror.schedule,
        next_plan_name=next_plan.name if next_plan else None,
        next_amount_cents=next_price.amount_cents if next_price else None,
        next_interval=next_price.interval if next_price else None, next_price_at=mirror.next_price_at,
        next_try_at=mirror.next_try_at, next_quantity=mirror.next_quantity, is_paused=mirror.is_paused,
        resumes_at=mirror.pause_resumes_at,
    )  # fmt: skip
