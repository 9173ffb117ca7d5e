"""Movements and the parts of Invoices, of one Customer."""

from sqlalchemy import select

from blueprints.membership.movements import Books, PriceFacts
from core.db import db
from models.membership import Plan, Price, StripeObject
from models.movement import BilledInvoice, Movement


def books(mode: str) -> Books:
    """Our plans and prices by what Stripe calls them: two queries."""
    session = db.session()
    plans = session.execute(
        select(StripeObject.stripe_id, Plan.id).join(Plan, Plan.key == StripeObject.key)
        .where(StripeObject.mode == mode, StripeObject.kind == "product")
    )  # fmt: skip
    prices = session.execute(
        select(StripeObject.stripe_id, Price.plan_id, Price.amount_cents, Price.interval)
        .join(Price, Price.key == StripeObject.key)
        .where(StripeObject.mode == mode, StripeObject.kind == "price")
    )  # fmt: skip
    return Books(
        {row.stripe_id: row.id for row in plans},
        {row.stripe_id: PriceFacts(row.plan_id, row.amount_cents, row.interval) for row in prices},
    )


def movements_of(customer_id: int) -> list[Movement]:
    """All movements of a Customer's Subscriptions, each Subscription's in their order."""
    return list(db.session().scalars(
        select(Movement).where(Movement.customer_id == customer_id)
        .order_by(Movement.subscription_id, Movement.number)
    ))  # fmt: skip


def billed_of(customer_id: int) -> dict[str, BilledInvoice]:
    """The Invoices of a Customer that were taken apart, by Stripe's id."""
    rows = db.session().scalars(select(BilledInvoice).where(BilledInvoice.customer_id == customer_id))
    return {row.invoice_id: row for row in rows}
