"""Members for the demo who bought their plan, in the sandbox: they have payments, and can cancel like anybody."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from werkzeug.test import Client

from blueprints.membership import checkout, queries, queries_catalogue, queries_customers, queries_entitlements, sync
from blueprints.membership.gateway import Gateway, gateway
from blueprints.membership.paying import ensure_customer
from blueprints.membership.policy import ENDED, RUNNING
from blueprints.membership.sandbox import MOUNT, host_of
from blueprints.membership.webhooks import HANDLERS
from core import clock
from core.config import Settings
from core.db import transaction
from models.membership import StripeEvent

CARD = "works"
OWN_PAGE = "/account/membership"


def join_in_sandbox(user_id: int, price_key: str, return_path: str = OWN_PAGE) -> None:
    """Buy a price for somebody with the sandbox's good card; what they had of it by courtesy ends with that.

    Does nothing without the sandbox, or when they have bought something already. Raises LookupError for an unknown
    person or price.
    """
    stripe = gateway()
    if stripe.mode != "sandbox":
        return
    person, price = queries.person(user_id), queries_catalogue.price_on_offer(price_key)
    if person is None or price is None:
        raise LookupError("nobody or nothing to buy")
    settings: Settings = current_app.config["SETTINGS"]
    customer = ensure_customer(stripe, user_id, person.email, person.display_name)
    if any(item.status in RUNNING for item in stripe.list_subscriptions(customer)):
        return
    url = checkout.session_url(
        stripe, user_id, checkout.Purchase(price), customer, return_path, settings.base_url
    )
    Client(host_of(current_app)).post(urlsplit(url).path.removeprefix(MOUNT), data={"card": CARD})
    sync.sync_customer(customer, "demo")
    with transaction():
        queries_entitlements.remove_courtesy(user_id, price.plan_id)


def give_card(user_id: int, number: str) -> None:
    """Let another of the sandbox's cards pay from now on."""
    stripe = gateway()
    customer = queries_customers.customer_of(stripe.mode, user_id)
    if customer is None:
        raise LookupError("nobody who pays")
    card: Any = {"number": number, "exp_month": 12, "exp_year": clock.now().year + 4, "cvc": "123"}
    made = stripe.ask(lambda: stripe.v1.payment_methods.create({"type": "card", "card": card}))
    stripe.ask(lambda: stripe.v1.payment_methods.attach(made.id, {"customer": customer.stripe_id}))
    for state in stripe.list_subscriptions(customer.stripe_id):
        if state.status not in ENDED:
            _pay_with(stripe, state.id, str(made.id))


def _pay_with(stripe: Gateway, subscription: str, method: str) -> None:
    stripe.ask(lambda: stripe.v1.subscriptions.update(subscription, {"default_payment_method": method}))


def forget_recent_events() -> None:
    """Note what the sandbox tells of the last hours as dealt with: all of it has been fetched."""
    stripe = gateway()
    found = list(stripe.list_events(clock.now() - timedelta(hours=3), frozenset(HANDLERS)))
    with transaction():
        for event in found:
            queries.insert_new(
                StripeEvent, id=event.id, mode=stripe.mode, type=event.type, api_version=event.api_version,
                created_at=event.created_at, received_at=clock.now(), object_id=event.object_id,
                customer=event.customer, body=b"", state="done", tries=1, processed_at=clock.now(),
            )  # fmt: skip
