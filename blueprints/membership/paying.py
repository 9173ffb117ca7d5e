"""What joining and giving share on the way to Stripe's page: the Customer, the price, and a session that stands.

As everywhere, each call to Stripe stands between two transactions.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from blueprints.membership import queries, queries_catalogue, queries_customers
from blueprints.membership.gateway import Gateway, Missing, PlanOffer, PriceOffer, SessionState
from blueprints.membership.queries_catalogue import PriceView
from core import clock
from core.db import transaction
from models.membership import BillingCustomer

TRIES = 4
SESSION_ID_LENGTH = 120
CHOOSING = "Another tab of yours is choosing at this moment. Please try again."


def ensure_customer(stripe: Gateway, user_id: int, email: str, name: str) -> str:
    """The reader's Customer, made when there is none; two at once get the same one.

    The row comes first. Its moment and what is asked are part of the key: a database made anew is not answered with
    what an older one asked, and a changed address is no conflict.
    """
    with transaction():
        queries.insert_new(BillingCustomer, mode=stripe.mode, user_id=user_id, generation=0, applied_generation=0,
                           created_at=clock.now())  # fmt: skip
        row = queries_customers.lock_customer_of(stripe.mode, user_id)
        if row is None:
            raise LookupError("a customer row vanished")
        if row.stripe_id is not None and row.deleted_at is None:
            return row.stripe_id
        old, born = row.stripe_id, stamp(row.created_at)
    said = hashlib.sha256(f"{email} {name} {old}".encode()).hexdigest()[:12]
    made = stripe.create_customer(user_id, email, name, f"customer:{stripe.mode}:{user_id}:{born}:{said}")
    with transaction():
        row = queries_customers.lock_customer_of(stripe.mode, user_id)
        if row is not None and row.stripe_id == old:
            row.stripe_id, row.deleted_at = made, None
    return made


def ensure_price(stripe: Gateway, price: PriceView, *, anew: bool = False) -> str:
    """What a price of ours is called at Stripe, made there when it is new. `anew`: do not trust what we remember."""
    known = queries_catalogue.stripe_ids(stripe.mode, "price")
    if price.key in known and not anew:
        return known[price.key]
    sold = queries_catalogue.prices_of_plan(price.plan_id)
    prices = tuple(PriceOffer(one.key, one.amount_cents, one.currency, one.interval) for one in sold)
    ids = stripe.ensure_product_and_prices(PlanOffer(price.plan_key, price.plan_name, prices))
    with transaction():
        queries_catalogue.remember_stripe_id(stripe.mode, "product", price.plan_key, ids.product)
        for key, stripe_id in ids.prices.items():
            queries_catalogue.remember_stripe_id(stripe.mode, "price", key, stripe_id)
    return ids.prices[price.key]


def standing_session(stripe: Gateway, session_id: str, end: Callable[[str], None]) -> SessionState | None:
    """The session, while it can be paid or has been; None for any other, after `end` was told how it ended."""
    try:
        session = stripe.retrieve_session(session_id)
    except Missing:
        end("failed")
        return None
    if session.status == "complete" or (session.status == "open" and session.url):
        return session
    end("expired")
    return None


def forget_missing(stripe: Gateway, missing: Missing, price: PriceView, customer: str) -> bool:
    """Stripe does not know a Customer or price that we remember, so the next try makes it anew. Returns whether it is
    the Customer."""
    if missing.param != "customer":
        ensure_price(stripe, price, anew=True)
        return False
    with transaction():
        row = queries_customers.lock_customer(stripe.mode, customer)
        if row is not None:
            row.deleted_at = clock.now()
    return True


def is_session_id(text: str) -> bool:
    """Whether a word from an address may be the id of a Checkout session, before anybody is asked about it."""
    return (
        text.startswith("cs_") and len(text) <= SESSION_ID_LENGTH and text.isascii()
        and text.replace("_", "").isalnum()
    )  # fmt: skip


def stamp(moment: datetime) -> int:
    """The moment of a row inside an idempotency key: a database made anew does not repeat an older one's keys."""
    return int(moment.timestamp() * 1_000_000)
