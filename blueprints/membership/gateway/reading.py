"""Stripe's objects read into values of ours: the one place that knows where their fields are in this version."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from blueprints.membership.gateway.values import (
    BadEvent,
    CardFacts,
    Discount,
    EventState,
    InvoiceLine,
    InvoiceState,
    SessionState,
    SoldItem,
    SubscriptionState,
)

EVENT_ID_LENGTH = 80


def field(thing: Any, name: str) -> Any:
    """The field of a Stripe object, None where it has none: its objects are no dicts."""
    return getattr(thing, name, None)


def id_of(value: Any) -> str | None:
    """The id of what may be an id, an expanded object, or nothing."""
    if value is None or isinstance(value, str):
        return value
    return str(value["id"])


def moment(seconds: Any) -> datetime | None:
    """Stripe's seconds as a moment."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def session_state(item: Any) -> SessionState:
    """A Checkout session of Stripe's as ours."""
    return SessionState(
        id=str(item.id), url=item.url, status=str(item.status), payment_status=str(item.payment_status),
        customer=id_of(item.customer), reference=item.client_reference_id,
        expires_at=datetime.fromtimestamp(item.expires_at, UTC), intent=id_of(field(item, "payment_intent")),
        amount_cents=int(item.amount_total or 0), currency=str(item.currency or ""),
    )  # fmt: skip


def subscription_state(item: Any) -> SubscriptionState:
    """A Subscription of Stripe's as ours; its period is the latest of its items'."""
    items = item["items"].data
    ends = [one.current_period_end for one in items]
    period_end = moment(max(ends)) if ends else None
    by_period_end = bool(item.cancel_at_period_end)
    pause = field(item, "pause_collection")
    return SubscriptionState(
        id=str(item.id), customer=id_of(item.customer) or "", status=str(item.status),
        products=frozenset(id_of(one.price.product) or "" for one in items),
        prices=tuple(str(one.price.id) for one in items), started_at=datetime.fromtimestamp(item.start_date, UTC),
        period_end_at=period_end, cancel_at=moment(item.cancel_at) or (period_end if by_period_end else None),
        by_period_end=by_period_end, canceled_at=moment(item.canceled_at), ended_at=moment(item.ended_at),
        void_while_paused=pause is not None and field(pause, "behavior") == "void",
        item=str(items[0].id) if items else "", quantity=int(items[0].quantity or 1) if items else 1,
        trial_ends_at=moment(item.trial_end), schedule=id_of(field(item, "schedule")),
        resumes_at=moment(field(pause, "resumes_at")) if pause is not None else None,
        card=card_facts(field(item, "default_payment_method")),
        sold=tuple(_sold(one) for one in items), discounts=_discounts(item), currency=str(item.currency),
        ended_unpaid=field(field(item, "cancellation_details"), "reason") == "payment_failed",
    )  # fmt: skip


def card_facts(method: Any) -> CardFacts | None:
    """The card of a payment method that was expanded; None for another kind, or where only its id came along."""
    card = None if method is None or isinstance(method, str) else field(method, "card")
    if card is None:
        return None
    brand = str(card.brand).replace("_", " ").title()
    return CardFacts(f"{brand} ending in {card.last4}", f"{int(card.exp_year)}-{int(card.exp_month):02d}")


def invoice_state(item: Any) -> InvoiceState:
    """An Invoice of Stripe's as ours, with the PaymentIntents that paid it."""
    details = field(field(item, "parent"), "subscription_details")
    payments = field(field(item, "payments"), "data") or []
    intents = (id_of(field(field(one, "payment"), "payment_intent")) for one in payments)
    return InvoiceState(
        id=str(item.id), number=item.number, status=str(item.status),
        subscription=id_of(field(details, "subscription")), amount_cents=int(item.amount_paid),
        currency=str(item.currency), created_at=datetime.fromtimestamp(item.created, UTC),
        finalized_at=moment(item.status_transitions.finalized_at), paid_at=moment(item.status_transitions.paid_at),
        intents=tuple(intent for intent in intents if intent), page=field(item, "hosted_invoice_url"),
        total_cents=int(item.total), lines=tuple(_line(one) for one in item.lines.data), discounts=_discounts(item),
        next_try_at=moment(item.next_payment_attempt),
    )  # fmt: skip


def _sold(item: Any) -> SoldItem:
    price = item.price
    every = field(price, "recurring")
    return SoldItem(
        price=str(price.id), product=id_of(price.product) or "", unit_cents=int(price.unit_amount or 0),
        interval=str(every.interval) if every else "month", count=int(every.interval_count) if every else 1,
        quantity=int(item.quantity if item.quantity is not None else 1),
    )  # fmt: skip


def _line(item: Any) -> InvoiceLine:
    details = field(field(item, "pricing"), "price_details")
    parent = field(item, "parent")
    told = field(parent, "subscription_item_details") or field(parent, "invoice_item_details")
    return InvoiceLine(
        price=id_of(field(details, "price")), product=id_of(field(details, "product")),
        quantity=int(item.quantity if item.quantity is not None else 1), amount_cents=int(item.amount),
        starts_at=datetime.fromtimestamp(item.period.start, UTC), ends_at=datetime.fromtimestamp(item.period.end, UTC),
        is_change=bool(field(told, "proration")),
        discounted=tuple(
            (id_of(one.discount) or "", int(one.amount)) for one in field(item, "discount_amounts") or ()
        ),
    )  # fmt: skip


def _discounts(item: Any) -> tuple[Discount, ...]:
    """The discounts of an Invoice or a Subscription, where they were asked for with their coupons."""
    found = []
    for one in field(item, "discounts") or ():
        coupon = None if isinstance(one, str) else field(field(one, "source"), "coupon")
        if coupon is None or isinstance(coupon, str):
            continue
        percent = field(coupon, "percent_off")
        found.append(Discount(
            id=str(one.id), lasting=field(coupon, "duration") != "once",
            percent=None if percent is None else Decimal(str(percent)), amount_cents=field(coupon, "amount_off"),
            ends_at=moment(field(one, "end")),
        ))  # fmt: skip
    return tuple(found)


def read_event(body: bytes) -> EventState:
    """Read the few fields that are needed. Raises BadEvent for what is signed and still no Event."""
    try:
        data = json.loads(body)
        thing = data["data"]["object"]
        kind = thing.get("object")
        customer = thing.get("id") if kind == "customer" else thing.get("customer")
        event = EventState(
            id=str(data["id"]), type=str(data["type"]), created_at=datetime.fromtimestamp(int(data["created"]), UTC),
            api_version=_text(data.get("api_version")), livemode=bool(data["livemode"]),
            connected=bool(data.get("account")), object_id=_text(thing.get("id")), customer=_text(customer),
            charge=_text(thing.get("charge")), body=body,
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, OSError, RecursionError) as error:
        raise BadEvent(type(error).__name__) from None
    if _text(event.id) is None or _text(event.type) is None:
        raise BadEvent("an Event without a usable id")
    return event


def _text(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= EVENT_ID_LENGTH:
        return None
    return value if value.isascii() and value.isprintable() else None


def signed_at(signature: str | None) -> datetime:
    """When a webhook was signed, by its header. Raises BadEvent."""
    for part in (signature or "").split(","):
        name, _, value = part.partition("=")
        if name.strip() == "t":
            with suppress(ValueError, OverflowError, OSError):
                return datetime.fromtimestamp(int(value), UTC)
    raise BadEvent("a signature without its moment")
