"""Money that arrived."""

from collections.abc import Sequence

from sqlalchemy import select

from core.db import db
from models.membership import BillingCustomer, Payment, Subscription

PAYMENTS_SHOWN = 36


def payments_by_invoice(customer_id: int) -> dict[str, Payment]:
    """The payment rows of a Customer by Invoice."""
    rows = db.session().scalars(select(Payment).where(Payment.customer_id == customer_id))
    return {row.invoice_id: row for row in rows}


def has_ever_paid(user_id: int) -> bool:
    """Whether a reader has had a Subscription, in whatever mode: then nothing is their first."""
    return db.session().scalar(
        select(Subscription.id).join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .where(BillingCustomer.user_id == user_id).limit(1)
    ) is not None  # fmt: skip


def owns_invoice(mode: str, user_id: int, invoice_id: str) -> bool:
    """Whether this Invoice was paid by this reader."""
    return db.session().scalar(
        select(Payment.id).join(BillingCustomer, BillingCustomer.id == Payment.customer_id)
        .where(Payment.mode == mode, Payment.invoice_id == invoice_id, BillingCustomer.user_id == user_id)
    ) is not None  # fmt: skip


def payments_of(mode: str, user_id: int) -> Sequence[Payment]:
    """What a reader paid, newest first."""
    return db.session().scalars(
        select(Payment)
        .join(BillingCustomer, BillingCustomer.id == Payment.customer_id)
        .where(BillingCustomer.mode == mode, BillingCustomer.user_id == user_id)
        .order_by(Payment.paid_at.desc(), Payment.id.desc()).limit(PAYMENTS_SHOWN)
    ).all()  # fmt: skip
