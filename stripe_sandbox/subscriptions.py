"""Subscriptions: started after payment, changed, cancelled now or later, renewed (see lifecycle)."""

from typing import Any

from . import discounts, features, invoices
from .api import Call
from .errors import Refusal, unsupported
from .events import changed, emit
from .periods import add_interval
from .shapes import list_of
from .store import Transaction
from .wire import Json, new_id

ENDED = ("canceled", "incomplete_expired")
INCOMPLETE_SECONDS = 23 * 3600
NOTICE_SECONDS = 7 * 86_400
TRIAL_NOTICE_SECONDS = 3 * 86_400


def plan_of(price: Json) -> Json:
    """The legacy view of a price that items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def build(tx: Transaction, customer: Json, chosen: list[tuple[Json, int]], *, metadata: Json, **more: Any) -> Json:
    """A subscription to `chosen` (price, quantity) pairs starting now; not stored yet.

    With `trial_end`, the first period is the trial, and billing is anchored at its end.
    """
    identifier = new_id("sub_")
    recurring = chosen[0][0]["recurring"]
    trial_end: int | None = more.get("trial_end")
    end = trial_end or add_interval(tx.now, recurring["interval"], recurring["interval_count"])
    items = [_item(tx, identifier, price, quantity, tx.now, end) for price, quantity in chosen]
    return {
        "id": identifier,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": trial_end or tx.now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": tx.now,
        "currency": chosen[0][0]["currency"],
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": more.get("default_payment_method"),
        "default_source": None,
        "default_tax_rates": [],
        "description": more.get("description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": list_of(items, f"/v1/subscription_items?subscription={identifier}"),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": metadata,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": tx.now,
        "status": "trialing" if trial_end else "active",
        "status_details": None,
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": more.get("without_card") or "create_invoice"}},
        "trial_start": tx.now if trial_end else None,
        "_cycles": 0 if trial_end else 1,
        "_announced": None,
        "_trial_told": False,
    }


def _item(tx: Transaction, subscription: str, price: Json, quantity: int, start: int, end: int) -> Json:
    return {
        "id": new_id("si_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": tx.now,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def period(subscription: Json) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def store_new(tx: Transaction, subscription: Json) -> None:
    tx.insert("subscription", subscription, customer=subscription["customer"])
    schedule(tx, subscription)
    emit(tx, "customer.subscription.created", subscription)
    features.tell(tx, subscription)


def schedule(tx: Transaction, subscription: Json) -> None:
    """When the subscription next needs attention by itself."""
    due: int | None = None
    if subscription["status"] == "incomplete":
        due = subscription["created"] + INCOMPLETE_SECONDS
    elif subscription["status"] not in (*ENDED, "paused"):
        end = period(subscription)[1]
        due = min(end, subscription["cancel_at"] or end)
        resumes_at = (subscription["pause_collection"] or {}).get("resumes_at")
        for notice in (notice_at(subscription), trial_notice_at(subscription), resumes_at):
            due = due if notice is None else min(due, notice)
    tx.set_due(subscription["id"], due)


def notice_at(subscription: Json) -> int | None:
    """When the coming renewal is to be announced; None when it was, or will not be."""
    start, end = period(subscription)
    stops = subscription["cancel_at"] is not None and subscription["cancel_at"] <= end
    if stops or subscription["_announced"] == end or end - start <= NOTICE_SECONDS:
        return None
    return int(end - NOTICE_SECONDS)


def trial_notice_at(subscription: Json) -> int | None:
    """When the end of a trial is to be told; None without one, or when it was."""
    if subscription["status"] != "trialing" or subscription["_trial_told"]:
        return None
    return int(subscription["trial_end"] - TRIAL_NOTICE_SECONDS)


def tell_of_trial(tx: Transaction, subscription: Json) -> None:
    """Three days before a trial ends, or at once where it is shorter than that or was made so."""
    subscription["_trial_told"] = True
    tx.save(subscription)
    schedule(tx, subscription)
    emit(tx, "customer.subscription.trial_will_end", subscription)


def first_invoice(tx: Transaction, customer: Json, subscription: Json) -> Json:
    """The invoice of the first period; the subscription already names it."""
    start, end = period(subscription)
    lines = [invoices.line_for(tx, i, subscription["id"], start, end) for i in subscription["items"]["data"]]
    if subscription["status"] == "trialing":
        for line in lines:
            line.update(amount=0, subtotal=0, description=f"Trial period for {line['description']}")
    else:
        discounts.on_lines(tx, subscription, lines, start)
    invoice = invoices.build(
        tx,
        customer,
        lines,
        reason="subscription_create",
        subscription=subscription,
        period=(tx.now, tx.now),
        identifier=subscription["latest_invoice"],
    )
    invoices.draft(tx, invoice)
    return invoices.finalize(tx, invoice)


def method_for(tx: Transaction, subscription: Json) -> Json | None:
    """The card that pays: the subscription's own, else the customer's default."""
    customer = tx.find("customer", subscription["customer"])
    fallback = customer["invoice_settings"]["default_payment_method"] if customer else None
    identifier = subscription["default_payment_method"] or fallback
    found = tx.find("payment_method", identifier) if identifier else None
    return found if found and found["customer"] == subscription["customer"] else None


def recurring_price(call: Call, identifier: str, param: str) -> Json:
    price = call.refer("price", identifier, param)
    if not price["active"]:
        raise Refusal("The price specified is inactive. This field only accepts active prices.", param=param)
    if price["type"] != "recurring":
        raise Refusal(
            f"The price specified is set to `type=one_time` but this field only accepts prices with "
            f"`type=recurring`: {identifier}",
            param=param,
        )
    return price


def same_interval(prices: list[Json]) -> None:
    kinds = {(p["currency"], p["recurring"]["interval"], p["recurring"]["interval_count"]) for p in prices}
    if len(kinds) > 1:
        raise Refusal("The sandbox bills all items of a subscription in one currency and interval.")


def activate(tx: Transaction, subscription: Json) -> None:
    before = dict(subscription)
    subscription["status"] = "active"
    tx.save(subscription)
    schedule(tx, subscription)
    changed(tx, "customer.subscription.updated", before, subscription)


def after_payment(tx: Transaction, subscription: Json) -> None:
    """A paid invoice brings the subscription back when nothing else is owed."""
    if subscription["status"] in ("past_due", "unpaid") and _owes(tx, subscription):
        return
    if subscription["status"] in ("past_due", "unpaid", "incomplete"):
        activate(tx, subscription)


def _owes(tx: Transaction, subscription: Json) -> bool:
    return any(invoice["status"] == "open" for invoice in tx.select("invoice", parent=subscription["id"]))


def save(tx: Transaction, subscription: Json, before: Json) -> None:
    """Store a change, plan what follows from it, and tell what changed."""
    tx.save(subscription)
    schedule(tx, subscription)
    changed(tx, "customer.subscription.updated", before, subscription)
    features.tell(tx, subscription)


def copy(subscription: Json) -> Json:
    return dict(subscription, cancellation_details=dict(subscription["cancellation_details"]))


def note_reason(subscription: Json, details: Json) -> None:
    for name in ("comment", "feedback"):
        if name in details:
            subscription["cancellation_details"][name] = details[name] or None


def set_cancel_at(tx: Transaction, subscription: Json, when: Any) -> None:
    if when == "":
        return unschedule(subscription)
    if when in ("min_period_end", "max_period_end"):
        when = period(subscription)[1]
    if not isinstance(when, int):
        raise unsupported("cancel_at")
    if when <= tx.now:
        raise Refusal("The cancel_at date must be in the future.", param="cancel_at")
    return schedule_cancellation(tx, subscription, when, at_period_end=False)


def schedule_cancellation(tx: Transaction, subscription: Json, when: int, *, at_period_end: bool) -> None:
    subscription.update(cancel_at=when, cancel_at_period_end=at_period_end, canceled_at=tx.now)
    subscription["cancellation_details"]["reason"] = "cancellation_requested"


def unschedule(subscription: Json) -> None:
    """Keep the subscription after all."""
    subscription.update(cancel_at=None, cancel_at_period_end=False, canceled_at=None)
    subscription["cancellation_details"].update(reason=None, comment=None, feedback=None)


def cancel_later_from_portal(tx: Transaction, subscription: Json, feedback: str | None, comment: str | None) -> None:
    """The portal, in flexible billing mode, sets `cancel_at` and leaves the boolean alone."""
    before = copy(subscription)
    schedule_cancellation(tx, subscription, period(subscription)[1], at_period_end=False)
    note_reason(subscription, {"feedback": feedback, "comment": comment})
    save(tx, subscription, before)


def resume_from_portal(tx: Transaction, subscription: Json) -> None:
    before = copy(subscription)
    unschedule(subscription)
    save(tx, subscription, before)


def pause(tx: Transaction, subscription: Json) -> None:
    """A trial that ran out without a card, of a subscription that is to wait for one."""
    subscription["status"] = "paused"
    tx.save(subscription)
    schedule(tx, subscription)
    emit(tx, "customer.subscription.paused", subscription)


def end_trial(tx: Transaction, subscription: Json) -> None:
    """The trial is over this second; the renewal that follows is due at once."""
    items = [dict(item, current_period_end=tx.now) for item in subscription["items"]["data"]]
    subscription["items"] = dict(subscription["items"], data=items)
    subscription.update(trial_end=tx.now, billing_cycle_anchor=tx.now)


def end(tx: Transaction, subscription: Json, *, reason: str, requested: bool = True) -> None:
    """The subscription is over now. `requested` is False when an earlier request has run out."""
    subscription.update(status="canceled", ended_at=tx.now)
    if requested or not subscription["canceled_at"]:
        subscription["canceled_at"] = tx.now
        subscription["cancel_at_period_end"] = False
    subscription["cancellation_details"]["reason"] = reason
    tx.save(subscription)
    schedule(tx, subscription)
    emit(tx, "customer.subscription.deleted", subscription)
    features.tell(tx, subscription)
    if planned := tx.find("subscription_schedule", subscription["schedule"] or ""):
        close_schedule(tx, planned)
    invoices.stop_collecting(tx, subscription["id"])


def close_schedule(tx: Transaction, schedule: Json) -> None:
    """A subscription that ended takes its plan with it."""
    if schedule["status"] in ("not_started", "active"):
        schedule.update(status="canceled", canceled_at=tx.now, current_phase=None)
        tx.save(schedule)
        tx.set_due(schedule["id"], None)
        emit(tx, "subscription_schedule.canceled", schedule)
