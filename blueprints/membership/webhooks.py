"""Where Stripe tells that something happened: verified, stored by its id, answered, and dealt with by a job."""

from collections.abc import Callable
from typing import Literal

import structlog
from flask import Response, request

from blueprints.membership import queries
from blueprints.membership.gateway import BadEvent, EventState, Gateway, gateway
from blueprints.membership.routes import membership
from core import clock
from core.csrf import csrf
from core.db import transaction
from core.guards import machine
from jobs.queue import enqueue
from models.membership import StripeEvent

LARGEST_BODY = 512 * 1024
UNNEEDED = "of a type that nothing here needs"
ANOTHER_MODE = "of the other mode: test and live must not mix"

log = structlog.get_logger("billing")


def about_customer(stripe: Gateway, event: EventState) -> str | None:
    """The Customer that the Event names."""
    return event.customer


def about_charge(stripe: Gateway, event: EventState) -> str | None:
    """The Customer behind the Charge that a refund or dispute names."""
    return event.customer or (stripe.customer_of_charge(event.charge) if event.charge else None)


# Event type -> whom it is about. Every one of them ends in sync_customer: what happened is fetched, never believed.
HANDLERS: dict[str, Callable[[Gateway, EventState], str | None]] = {
    "customer.deleted": about_customer,
    "customer.subscription.created": about_customer,
    "customer.subscription.updated": about_customer,
    "customer.subscription.deleted": about_customer,
    "customer.subscription.paused": about_customer,
    "customer.subscription.resumed": about_customer,
    "checkout.session.completed": about_customer,
    "checkout.session.async_payment_succeeded": about_customer,
    "checkout.session.async_payment_failed": about_customer,
    "checkout.session.expired": about_customer,
    "invoice.finalized": about_customer,
    "invoice.paid": about_customer,
    "invoice.payment_failed": about_customer,
    "invoice.payment_action_required": about_customer,
    "invoice.voided": about_customer,
    "invoice.marked_uncollectible": about_customer,
    "charge.refunded": about_customer,
    "refund.failed": about_charge,
    "charge.dispute.created": about_charge,
    "charge.dispute.updated": about_charge,
    "charge.dispute.closed": about_charge,
    "charge.dispute.funds_reinstated": about_charge,
}


# Only counted (see cards): a declined card changes nothing that we hold.
COUNTED = frozenset({"charge.failed"})
WANTED = frozenset(HANDLERS) | COUNTED  # what the endpoint has to send


@membership.post("/webhooks/stripe", strict_slashes=False, provide_automatic_options=False)
@csrf.exempt  # type: ignore[untyped-decorator]
@machine
def webhook() -> Response:
    """Take one Event. 200 once it is stored, also for repeats and for what is not ours; 400 for what is not signed."""
    if (request.content_length or 0) > LARGEST_BODY:
        return _answer("too large", 413)
    body = request.get_data(cache=False)
    if len(body) > LARGEST_BODY:
        return _answer("too large", 413)
    try:
        event = gateway().construct_event(body, request.headers.get("Stripe-Signature"))
    except BadEvent as problem:
        log.info("webhook refused", reason=str(problem))
        return _answer("not an event signed for us", 400)
    with transaction():
        new = store_event(event)
    return _answer("stored" if new else "known")


def store_event(event: EventState, via: Literal["webhook", "catch-up"] = "webhook") -> bool:
    """Keep an Event and ask for its processing, in the current transaction; whether it was new."""
    mode = gateway().mode
    why_not = not_ours(event, mode)
    counted = why_not is None and event.type in COUNTED
    moment = clock.now()
    new = queries.insert_new(
        StripeEvent, id=event.id, mode=mode, type=event.type, api_version=event.api_version,
        created_at=event.created_at, received_at=moment, object_id=event.object_id, customer=event.customer,
        body=event.body, state="ignored" if why_not else "done" if counted else "waiting", tries=0, via=via,
        error=why_not, processed_at=moment if counted else None,
    )  # fmt: skip
    if new and counted:
        enqueue("stripe.watch-cards", key="stripe.watch-cards")
    elif new and not why_not:
        enqueue("stripe.event", key=f"stripe.event:{event.id}", event_id=event.id)
    return new


def not_ours(event: EventState, mode: str) -> str | None:
    """Why an Event is kept and left alone, or None for one that is dealt with."""
    if event.livemode != (mode == "live"):
        return ANOTHER_MODE
    if event.connected:
        return "of a connected account"
    return None if event.type in WANTED else UNNEEDED


def _answer(text: str, status: int = 200) -> Response:
    return Response(text + "\n", status, mimetype="text/plain", headers={"Cache-Control": "no-store"})
