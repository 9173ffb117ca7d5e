"""What Stripe says of a Customer, fetched whole and outside any transaction."""

from blueprints.membership import queries_catalogue, queries_checkout
from blueprints.membership.gateway import (
    CardFacts,
    CustomerState,
    Gateway,
    InvoiceState,
    Missing,
    NextPayment,
    PlannedPrice,
    SessionState,
    SubscriptionState,
)
from blueprints.membership.gifts_sync import GiftPicture, fetch_gifts
from blueprints.membership.policy import ENDED, RUNNING, Bill, bills_of
from core.records import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """A Customer as fetched: what is ours of their Subscriptions and payments."""

    customer: CustomerState
    subscriptions: list[SubscriptionState]
    invoices: list[InvoiceState]
    bills: list[Bill]
    next_payments: dict[str, NextPayment]
    planned: dict[str, PlannedPrice]
    card: CardFacts | None  # of the Customer, for Subscriptions without one of their own
    attempt_id: int | None
    session: SessionState | None
    plan_ids: dict[str, int]
    price_ids: dict[str, int]
    gifts: list[GiftPicture]


def fetch_picture(stripe: Gateway, customer: str, user_id: int) -> Picture:
    """Fetch everything of a Customer that is ours. Raises GatewayError."""
    plan_ids = queries_catalogue.plan_ids_by_product(stripe.mode)
    price_ids = queries_catalogue.price_ids_by_stripe_price(stripe.mode)
    attempt = queries_checkout.open_attempt(stripe.mode, user_id)
    session = None
    if attempt is not None and attempt.session_id is not None:
        session = _session_or_none(stripe, attempt.session_id)
    attempt_id = attempt.id if attempt else None
    gifts = fetch_gifts(stripe, user_id)
    known = stripe.retrieve_customer(customer)
    if known.deleted:
        return Picture(known, [], [], [], {}, {}, None, attempt_id, session, plan_ids, price_ids, gifts)
    ours = [item for item in stripe.list_subscriptions(customer) if item.products & plan_ids.keys()]
    ours.sort(key=lambda item: (item.started_at, item.id))
    names = {item.id for item in ours}
    invoices = [item for item in stripe.list_invoices(customer) if item.subscription in names] if ours else []
    bills = bills_of(invoices, stripe.list_charges(customer)) if invoices else []
    previews = {
        item.id: preview for item in ours
        if item.status in RUNNING and item.cancel_at is None and not item.void_while_paused
        and (preview := stripe.preview_next_payment(item.id))
    }  # fmt: skip
    planned = {
        item.id: price for item in ours
        if item.schedule and item.status not in ENDED and (price := stripe.planned_price(item.schedule))
    }  # fmt: skip
    bare = any(item.card is None and item.status not in ENDED for item in ours)
    card = stripe.card(known.method) if bare and known.method else None
    return Picture(
        known, ours, invoices, bills, previews, planned, card, attempt_id, session, plan_ids, price_ids, gifts
    )


def _session_or_none(stripe: Gateway, session_id: str) -> SessionState | None:
    try:
        return stripe.retrieve_session(session_id)
    except Missing:
        return None
