"""Ending what somebody paid who deleted their account, whatever Stripe answers.

The request is a row and a job in the transaction that empties the account, so it cannot be lost. The job closes what
could still be paid, ends every Subscription, gives back what was taken after they left, looks once more that nothing is
left, and keeps what it saw as proof. It is tried at once, then again and again; each hour somebody asks for it anew.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from blueprints.membership import queries_customers, queries_leaving, sync
from blueprints.membership.checkout import close_checkout_of
from blueprints.membership.gateway import Gateway, Missing, SubscriptionState, Unavailable, gateway
from blueprints.membership.gifts_checkout import close_gift_of
from blueprints.membership.policy import ENDED
from core import clock
from core.db import transaction
from core.rendering import date_and_time
from jobs.queue import enqueue, handler
from jobs.schedule import repeating

LONGEST_ERROR = 1000
SAME_MOMENT = timedelta(seconds=1)  # Stripe counts whole seconds


@dataclass
class _Found:
    """What Stripe said, sentence by sentence, and what was given back."""

    sentences: list[str] = field(default_factory=list)
    refunded_cents: int = 0


@handler("stripe.end-customer")
def end_customer(user_id: int) -> None:
    """End everything that a person who left pays for. What has ended already counts as done; safe to run twice."""
    stripe = gateway()
    left_at = queries_leaving.asked_at(stripe.mode, user_id)
    if left_at is None:
        return
    try:
        found = _end_everything(stripe, user_id, left_at)
    except Exception as error:
        with transaction():
            row = queries_leaving.lock_end_of(stripe.mode, user_id)
            if row is not None:
                row.tries, row.error = row.tries + 1, repr(error)[:LONGEST_ERROR]
        raise
    with transaction():
        row = queries_leaving.lock_end_of(stripe.mode, user_id)
        if row is not None:
            row.tries, row.error, row.done_at = row.tries + 1, None, clock.now()
            row.proof = "\n".join(found.sentences)
            row.refunded_cents = max(row.refunded_cents, found.refunded_cents)


@handler("stripe.end-leavers")
def end_leavers() -> None:
    """Ask anew for everybody whose billing has not ended: an outage may last longer than a job has patience for."""
    waiting = queries_leaving.undone(gateway().mode)
    if waiting:
        with transaction():
            for user_id in waiting:
                enqueue("stripe.end-customer", key=f"end-customer:{user_id}", user_id=user_id)


def _end_everything(stripe: Gateway, user_id: int, left_at: datetime) -> _Found:
    found = _Found()
    close_checkout_of(stripe, user_id)
    close_gift_of(stripe, user_id)
    for mode, customer in queries_customers.customers_of_person(user_id):
        if mode != stripe.mode:
            continue
        for subscription in _subscriptions(stripe, customer):
            if subscription.status not in ENDED:
                stripe.cancel_subscription(subscription.id)
        _give_back(stripe, customer, left_at, found)
        sync.sync_customer(customer, "account deleted")
        for subscription in _subscriptions(stripe, customer):
            if subscription.status not in ENDED:
                raise Unavailable(f"{subscription.id} is still {subscription.status}")
            ended = subscription.ended_at or subscription.canceled_at
            found.sentences.append(f"{subscription.id}: {subscription.status}" + (
                f" since {date_and_time(ended)} (UTC)" if ended else ""))  # fmt: skip
    found.sentences.append(f"Nothing is left to be paid: looked at on {date_and_time(clock.now())} (UTC)")
    return found


def _subscriptions(stripe: Gateway, customer: str) -> list[SubscriptionState]:
    """A Customer's Subscriptions; a Customer that Stripe no longer knows has none."""
    try:
        return stripe.list_subscriptions(customer)
    except Missing:
        return []


def _give_back(stripe: Gateway, customer: str, left_at: datetime, found: _Found) -> None:
    """What was taken after somebody left, because Stripe could not be told in time, goes back."""
    since = left_at.replace(microsecond=0).astimezone(UTC) + SAME_MOMENT
    try:
        invoices = stripe.list_invoices(customer)
    except Missing:
        return
    for invoice in invoices:
        late = invoice.paid_at is not None and invoice.paid_at >= since
        if not late or invoice.status != "paid" or not invoice.subscription or not invoice.amount_cents:
            continue
        for intent in invoice.intents:
            stripe.refund(intent, f"refund:{intent}", reason="requested_by_customer")
        found.refunded_cents += invoice.amount_cents
        found.sentences.append(f"{invoice.id}: paid after they left, given back")


repeating("stripe.end-leavers", every=timedelta(hours=1))
