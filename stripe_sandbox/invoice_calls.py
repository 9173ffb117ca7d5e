"""Calls on invoices that reach into subscriptions: previewing the next one, paying an open one."""

from . import discounts, invoice_items, invoices, payments, subscriptions, switching
from .api import Call
from .errors import Refusal, missing, unsupported
from .periods import add_interval
from .store import Transaction
from .wire import Json, new_id


def create_preview(call: Call) -> Json:
    """The next renewal's invoice, as it would be now; nothing is stored."""
    identifier = call.params.get("subscription")
    if not identifier:
        raise Refusal("Missing required param: subscription.", code="parameter_missing", param="subscription")
    subscription = call.refer("subscription", identifier, "subscription")
    details = call.params.get("subscription_details") or {}
    if "items" in details and subscription["status"] not in subscriptions.ENDED:
        preview = switching.preview(call, subscription, details)
    elif details.get("billing_cycle_anchor", {}).get("type") == "now":
        for name in details.keys() - {"billing_cycle_anchor", "proration_behavior"}:
            raise unsupported(f"subscription_details[{name}]")
        preview = switching.preview_restart(call, subscription, details)
    elif details:
        raise unsupported("subscription_details without items")
    else:
        preview = upcoming(call.tx, subscription)
    if preview is None:
        raise Refusal(
            f"No upcoming invoices for customer: {subscription['customer']}", status=404, code="invoice_upcoming_none"
        )
    return preview


def upcoming(tx: Transaction, subscription: Json, more: list[Json] | None = None) -> Json | None:
    """What the next period will cost with what is pending and `more`, or None when there is no next period."""
    start, end = subscriptions.period(subscription)
    stops = subscription["cancel_at"] is not None and subscription["cancel_at"] <= end
    customer = tx.find("customer", subscription["customer"])
    if subscription["status"] in subscriptions.ENDED or stops or customer is None:
        return None
    items = subscription["items"]["data"]
    recurring = items[0]["price"]["recurring"]
    finish = add_interval(end, recurring["interval"], recurring["interval_count"])
    lines = [invoices.line_for(tx, item, subscription["id"], end, finish) for item in items]
    discounts.on_lines(tx, without_once(tx, subscription), lines, end)
    lines = invoice_items.lines_of(tx, subscription["id"]) + (more or []) + lines
    preview = invoices.build(
        tx,
        customer,
        lines,
        reason="upcoming",
        subscription=subscription,
        period=(start, end),
        identifier=new_id("upcoming_in_"),
    )
    preview.update(created=end, next_payment_attempt=end + invoices.DRAFT_SECONDS)
    return preview


def without_once(tx: Transaction, subscription: Json) -> Json:
    """The subscription as the next renewal will see it: discounts for one invoice are spent by then."""
    lasting = []
    for identifier in subscription["discounts"]:
        discount = tx.find("discount", identifier)
        coupon = tx.find("coupon", discount["source"]["coupon"], deleted=True) if discount else None
        if coupon and coupon["duration"] != "once":
            lasting.append(identifier)
    return dict(subscription, discounts=lasting)


def pay(call: Call) -> Json:
    """Charge an open invoice now, with the card given or the one on file."""
    invoice = call.load("invoice", "invoice")
    if invoice["status"] == "paid":
        raise Refusal("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise Refusal(
            f"Only an open invoice can be paid; this one is {invoice['status']}.", code="invoice_not_editable"
        )
    subscription = call.tx.find("subscription", invoices.subscription_of(invoice) or "")
    if subscription is None:
        raise missing("subscription", "", status=400)
    if chosen := call.params.get("payment_method"):
        method: Json | None = payments.find_method(call, chosen, "payment_method")
    else:
        method = subscriptions.method_for(call.tx, subscription)
    error = settle_open(call.tx, invoice, subscription, method)
    if error:
        raise Refusal(error["message"], status=402, type=error["type"], code=error["code"], commits=True)
    return invoice


def settle_open(tx: Transaction, invoice: Json, subscription: Json, method: Json | None) -> Json | None:
    """One attempt on the customer's behalf; the payment error, or None when it is paid."""
    intent = invoices.collect(tx, invoice, method, off_session=False)
    if invoice["status"] == "paid":
        subscriptions.after_payment(tx, subscription)
        return None
    if intent and intent["last_payment_error"]:
        return dict(intent["last_payment_error"])
    return {
        "message": "This payment needs a step by the card's owner." if intent else "There is no card to charge.",
        "type": "card_error" if intent else "invalid_request_error",
        "code": "invoice_payment_intent_requires_action" if intent else "resource_missing",
    }
