"""Stripe's Customers of our readers, and the turns in which each is fetched."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from blueprints.membership.queries_subscriptions import UNENDED
from core.db import db
from core.records import dataclass
from models.gift import Gift
from models.membership import BillingCustomer, CheckoutAttempt, Subscription


@dataclass(frozen=True, slots=True)
class CustomerRow:
    id: int
    user_id: int
    stripe_id: str
    synced_at: datetime | None


def lock_customer(mode: str, stripe_id: str) -> BillingCustomer | None:
    """The row under which a Customer's state is fetched, locked for this transaction."""
    return db.session().scalar(
        select(BillingCustomer)
        .where(BillingCustomer.mode == mode, BillingCustomer.stripe_id == stripe_id)
        .with_for_update()
    )


def lock_customer_of(mode: str, user_id: int) -> BillingCustomer | None:
    """A reader's Customer row, locked for this transaction."""
    return db.session().scalar(
        select(BillingCustomer)
        .where(BillingCustomer.mode == mode, BillingCustomer.user_id == user_id)
        .with_for_update()
    )


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn it is to fetch a Customer's state."""

    begun: int
    applied: int
    leased_until: datetime | None


def turns_of(mode: str, stripe_id: str) -> Turns | None:
    """The fetches of a Customer's state, begun and written, as the database has them now."""
    session = db.session()
    row = session.execute(
        select(BillingCustomer.generation, BillingCustomer.applied_generation, BillingCustomer.leased_until)
        .where(BillingCustomer.mode == mode, BillingCustomer.stripe_id == stripe_id)
    ).first()  # fmt: skip
    session.rollback()  # the next look must not see the same snapshot
    return Turns(*row) if row else None


def customer_by_stripe_id(mode: str, stripe_id: str) -> CustomerRow | None:
    return _customer_row(BillingCustomer.mode == mode, BillingCustomer.stripe_id == stripe_id)


def customer_of(mode: str, user_id: int) -> CustomerRow | None:
    """The reader's Customer, when there is one at Stripe."""
    return _customer_row(
        BillingCustomer.mode == mode, BillingCustomer.user_id == user_id, BillingCustomer.stripe_id.is_not(None)
    )


def customers_after(mode: str, last_id: int, limit: int) -> list[CustomerRow]:
    """Customers with a Subscription that has not ended, or who pay or paid a gift, or are paying; by their ids."""
    unended = select(Subscription.id).where(
        Subscription.customer_id == BillingCustomer.id, Subscription.status.in_(UNENDED)
    )
    paying = select(CheckoutAttempt.id).where(
        CheckoutAttempt.user_id == BillingCustomer.user_id, CheckoutAttempt.mode == mode,
        CheckoutAttempt.state == "open",
    )  # fmt: skip
    giving = select(Gift.id).where(
        Gift.giver_id == BillingCustomer.user_id, Gift.mode == mode, Gift.state.not_in(("expired", "failed")),
    )  # fmt: skip
    rows = db.session().execute(
        select(BillingCustomer.id, BillingCustomer.user_id, BillingCustomer.stripe_id, BillingCustomer.synced_at)
        .where(
            BillingCustomer.mode == mode, BillingCustomer.id > last_id, BillingCustomer.stripe_id.is_not(None),
            or_(unended.exists(), paying.exists(), giving.exists()),
        )
        .order_by(BillingCustomer.id).limit(limit)
    )  # fmt: skip
    return [CustomerRow(row.id, row.user_id, row.stripe_id or "", row.synced_at) for row in rows]


def customers_of_person(user_id: int) -> list[tuple[str, str]]:
    """(mode, stripe id) of every Customer that a person has."""
    rows = db.session().execute(
        select(BillingCustomer.mode, BillingCustomer.stripe_id)
        .where(BillingCustomer.user_id == user_id, BillingCustomer.stripe_id.is_not(None))
    )  # fmt: skip
    return [(row.mode, row.stripe_id or "") for row in rows]


def first_customer_at(mode: str) -> datetime | None:
    """When somebody first began to pay."""
    return db.session().scalar(select(func.min(BillingCustomer.created_at)).where(BillingCustomer.mode == mode))


def _customer_row(*where: Any) -> CustomerRow | None:
    row = db.session().execute(
        select(BillingCustomer.id, BillingCustomer.user_id, BillingCustomer.stripe_id, BillingCustomer.synced_at)
        .where(*where)
    ).first()  # fmt: skip
    return CustomerRow(row.id, row.user_id, row.stripe_id or "", row.synced_at) if row else None
