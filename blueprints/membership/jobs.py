"""Billing work that outlives a request: events, and ending what nobody wants any more."""

from datetime import datetime, timedelta

from blueprints.membership import agreements, queries, queries_customers, queries_events, sync
from blueprints.membership.gateway import EventState, Gateway, gateway, read_event
from blueprints.membership.mails import mail_about
from blueprints.membership.queries_agreements import withdrawal_of
from blueprints.membership.webhooks import HANDLERS
from core import clock
from core.db import transaction
from jobs.queue import handler
from jobs.schedule import repeating

BODIES_KEPT = timedelta(days=60)


@handler("stripe.event")
def process_event(event_id: str) -> None:
    """Deal with one stored Event. A failure is written beside it, and the job is tried again."""
    stripe = gateway()
    stored = queries_events.event_by_id(event_id)
    if stored is None or stored.state in {"done", "ignored"} or not stored.body or stored.mode != stripe.mode:
        return
    received_at, body = stored.received_at, stored.body
    try:
        why_not = _deal_with(stripe, read_event(body), received_at)
    except Exception as error:
        with transaction():
            row = queries_events.event_by_id(event_id)
            if row is not None:
                row.state, row.error, row.tries = "failed", plain(error), row.tries + 1
        raise
    with transaction():
        row = queries_events.event_by_id(event_id)
        if row is not None:
            row.state, row.error = "ignored" if why_not else "done", why_not
            row.tries, row.processed_at = row.tries + 1, clock.now()


def _deal_with(stripe: Gateway, event: EventState, received_at: datetime) -> str | None:
    """Bring up to date whom an Event is about; why it was left alone, or None."""
    whom = HANDLERS.get(event.type)
    customer = whom(stripe, event) if whom else None
    known = queries_customers.customer_by_stripe_id(stripe.mode, customer) if customer else None
    if customer is None or known is None:
        return "about nobody of ours"
    if known.synced_at is None or known.synced_at <= received_at:
        sync.sync_customer(customer, event.type)
    return None


@handler("stripe.sync")
def sync_one(customer: str, reason: str) -> None:
    """Bring one Customer up to date."""
    sync.sync_customer(customer, reason)


@handler("stripe.cancel-duplicate")
def cancel_duplicate(customer: str, subscription: str) -> None:
    """End a Subscription that was bought twice, and give its payment back."""
    stripe = gateway()
    stripe.cancel_subscription(subscription)
    for invoice in stripe.list_invoices(customer):
        if invoice.subscription == subscription and invoice.status == "paid":
            for intent in invoice.intents:
                stripe.refund(intent, f"refund:{intent}")
    sync.sync_customer(customer, "duplicate")
    known = queries_customers.customer_by_stripe_id(stripe.mode, customer)
    with transaction():
        person = queries.person(known.user_id) if known else None
        if person is not None and person.deleted_at is None:
            mail_about(person, "duplicate", "", f"duplicate:{stripe.mode}:{subscription}")


@handler("stripe.withdraw")
def withdraw(mode: str, subscription: str) -> None:
    """End a contract that was withdrawn from, and give back all that was paid for it. Safe to run twice."""
    stripe = gateway()
    asked = withdrawal_of(mode, subscription)
    if asked is None or asked.done_at is not None or mode != stripe.mode:
        return
    customer = queries_customers.customer_of(mode, asked.user_id)
    if customer is None:
        return
    stripe.cancel_subscription(subscription)
    given_back, currency = 0, None
    for invoice in stripe.list_invoices(customer.stripe_id):
        if invoice.subscription == subscription and invoice.status == "paid" and invoice.amount_cents:
            for intent in invoice.intents:
                stripe.refund(intent, f"refund:{intent}", reason="requested_by_customer")
            given_back, currency = given_back + invoice.amount_cents, invoice.currency
    sync.sync_customer(customer.stripe_id, "withdrawal")
    with transaction():
        agreements.withdrawal_done(mode, subscription, given_back, currency)


@handler("stripe.update-email")
def update_email(user_id: int) -> None:
    """Tell Stripe the address that the reader has now, for receipts."""
    stripe = gateway()
    person = queries.person(user_id)
    customer = queries_customers.customer_of(stripe.mode, user_id)
    if person is not None and person.deleted_at is None and customer is not None:
        stripe.update_customer_email(customer.stripe_id, person.email)


@handler("stripe.forget-bodies")
def forget_bodies() -> None:
    """Empty the bodies of Events dealt with long ago, and of those about somebody whose account has ended."""
    with transaction():
        queries_events.forget_event_bodies_before(clock.now() - BODIES_KEPT)


def plain(error: Exception) -> str:
    """A failure in words that any database can store."""
    return repr(error)[:1000].replace("\0", "").encode(errors="replace").decode()


repeating("stripe.forget-bodies", every=timedelta(days=1))
