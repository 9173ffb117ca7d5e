"""Stripe's Events as they are kept."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, exists, or_, select, update

from core.db import db
from models.membership import BillingCustomer, StripeEvent
from models.user import User


def event_by_id(event_id: str) -> StripeEvent | None:
    """One Event as the database has it now."""
    return db.session().scalar(
        select(StripeEvent).where(StripeEvent.id == event_id).execution_options(populate_existing=True)
    )


def known_events(event_ids: list[str]) -> set[str]:
    return set(db.session().scalars(select(StripeEvent.id).where(StripeEvent.id.in_(event_ids))))


def unfinished_events(mode: str) -> Sequence[Row[str, str, str, int, str | None, datetime]]:
    """Events that wait or failed, oldest first: (id, type, state, tries, error, received_at)."""
    return db.session().execute(
        select(
            StripeEvent.id, StripeEvent.type, StripeEvent.state, StripeEvent.tries, StripeEvent.error,
            StripeEvent.received_at,
        )
        .where(StripeEvent.mode == mode, StripeEvent.state.in_(("waiting", "failed")))
        .order_by(StripeEvent.received_at)
    ).all()  # fmt: skip


def forget_event_bodies_before(moment: datetime) -> None:
    """Empty the bodies of Events dealt with before `moment`: they are personal data; the ids stay, to tell repeats.

    Those of customers whose account has ended are emptied whenever they came.
    """
    gone = (
        select(BillingCustomer.stripe_id)
        .join(User, User.id == BillingCustomer.user_id)
        .where(User.deleted_at.is_not(None), BillingCustomer.mode == StripeEvent.mode,
               BillingCustomer.stripe_id == StripeEvent.customer)
    )  # fmt: skip
    db.session().execute(
        update(StripeEvent)
        .where(or_(StripeEvent.received_at < moment, exists(gone)), StripeEvent.state.in_(("done", "ignored")),
               StripeEvent.body != b"")
        .values(body=b"")
    )  # fmt: skip
