"""Where the books do not agree with what was billed, paid and mirrored. Each statement returns only what differs."""

from typing import Any

from sqlalchemy import Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from core.db import db
from core.records import dataclass
from models.membership import BillingCustomer, Payment, Subscription
from models.movement import BilledInvoice, Movement

MOST_DIFFERENCES = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree: amounts in minor units, a year's where they are about what comes in."""

    kind: str
    what: str  # the Invoice's number or the Subscription's id
    customer: str | None  # whose, as Stripe calls them
    expected: int
    found: int
    currency: str


def broken_chains(mode: str) -> list[Difference]:
    """Movements that do not begin where the one before ended, or are missing between two."""
    ended = func.lag(Movement.after_cents, 1, 0).over(
        partition_by=Movement.subscription_id, order_by=Movement.number
    )
    place = func.row_number().over(partition_by=Movement.subscription_id, order_by=Movement.number)
    each = select(
        Movement.subscription_id, Movement.currency, Movement.number, Movement.before_cents, ended.label("ended"),
        place.label("place"),
    ).where(Movement.mode == mode).subquery()  # fmt: skip
    return _found(
        "chain",
        select(Subscription.stripe_id, BillingCustomer.stripe_id, each.c.ended, each.c.before_cents, each.c.currency)
        .join(each, each.c.subscription_id == Subscription.id)
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .where(or_(each.c.ended != each.c.before_cents, each.c.place != each.c.number)),
    )  # fmt: skip


def other_ends(mode: str) -> list[Difference]:
    """Subscriptions whose last movement ends elsewhere than at what they bring now."""
    newest = (
        select(Movement.subscription_id, func.max(Movement.number).label("number"))
        .where(Movement.mode == mode).group_by(Movement.subscription_id).subquery()
    )  # fmt: skip
    at_the_end = func.coalesce(Movement.after_cents, 0)
    return _found(
        "end",
        select(Subscription.stripe_id, BillingCustomer.stripe_id, Subscription.yearly_cents, at_the_end,
               func.coalesce(Movement.currency, ""))
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .outerjoin(newest, newest.c.subscription_id == Subscription.id)
        .outerjoin(
            Movement, and_(Movement.subscription_id == Subscription.id, Movement.number == newest.c.number)
        )
        .where(Subscription.mode == mode, at_the_end != Subscription.yearly_cents),
    )  # fmt: skip


def other_rates(mode: str) -> list[Difference]:
    """Invoices over a full period that bring in another amount than the books say for that period.

    The books say what the movement says that names the Invoice, else the one in force when the period begins. Stripe
    tells whole seconds, and within one second one movement can follow another: then each of them was in force. An
    Invoice from before the first payment says nothing yet.
    """
    of_invoice, later = aliased(Movement), aliased(Movement)
    begun = and_(
        Movement.subscription_id == BilledInvoice.subscription_id, Movement.at <= BilledInvoice.period_start_at
    )
    named = (
        select(of_invoice.after_cents)
        .where(
            of_invoice.subscription_id == BilledInvoice.subscription_id, of_invoice.cause == BilledInvoice.invoice_id
        )
        .order_by(of_invoice.number.desc()).limit(1).scalar_subquery()
    )  # fmt: skip
    standing = select(Movement.after_cents).where(begun).order_by(Movement.number.desc()).limit(1).scalar_subquery()
    replaced = exists().where(
        later.subscription_id == Movement.subscription_id, later.number == Movement.number + 1,
        later.at < BilledInvoice.period_start_at,
    )  # fmt: skip
    agrees = exists().where(begun, ~replaced, Movement.after_cents == BilledInvoice.yearly_cents)
    said = func.coalesce(named, standing)
    return _found(
        "rate",
        select(func.coalesce(BilledInvoice.number, BilledInvoice.invoice_id), BillingCustomer.stripe_id,
               BilledInvoice.yearly_cents, said, BilledInvoice.currency)
        .join(BillingCustomer, BillingCustomer.id == BilledInvoice.customer_id)
        .where(
            BilledInvoice.mode == mode, BilledInvoice.status != "void", BilledInvoice.full_cents > 0,
            said != BilledInvoice.yearly_cents, or_(named.is_not(None), ~agrees),
        ),
    )  # fmt: skip


def other_payments(mode: str) -> list[Difference]:
    """Invoices of which another amount was paid than our payments say, in either direction."""
    unknown = _found(
        "unbooked",
        select(func.coalesce(Payment.number, Payment.invoice_id), BillingCustomer.stripe_id, Payment.amount_cents,
               func.coalesce(BilledInvoice.paid_cents, 0), Payment.currency)
        .join(BillingCustomer, BillingCustomer.id == Payment.customer_id)
        .outerjoin(BilledInvoice, and_(BilledInvoice.mode == mode, BilledInvoice.invoice_id == Payment.invoice_id))
        .where(
            Payment.mode == mode,
            or_(BilledInvoice.id.is_(None), BilledInvoice.paid_cents != Payment.amount_cents),
        ),
    )  # fmt: skip
    missing = _found(
        "unpaid",
        select(func.coalesce(BilledInvoice.number, BilledInvoice.invoice_id), BillingCustomer.stripe_id,
               BilledInvoice.paid_cents, literal(0), BilledInvoice.currency)
        .join(BillingCustomer, BillingCustomer.id == BilledInvoice.customer_id)
        .outerjoin(Payment, and_(Payment.mode == mode, Payment.invoice_id == BilledInvoice.invoice_id))
        .where(
            BilledInvoice.mode == mode, BilledInvoice.status == "paid", BilledInvoice.paid_cents > 0,
            Payment.id.is_(None),
        ),
    )  # fmt: skip
    return unknown + missing


def counted(mode: str) -> tuple[int, int, int]:
    """How many Subscriptions, movements and Invoices were compared."""
    rows = (
        db.session().scalar(select(func.count()).select_from(model).where(model.mode == mode))
        for model in (Subscription, Movement, BilledInvoice)
    )
    subscriptions, movements, invoices = (int(row or 0) for row in rows)
    return subscriptions, movements, invoices


def _found(kind: str, statement: Select[*tuple[Any, ...]]) -> list[Difference]:
    rows = db.session().execute(statement.limit(MOST_DIFFERENCES)).all()
    return [Difference(kind, row[0], row[1], int(row[2] or 0), int(row[3] or 0), row[4]) for row in rows]
