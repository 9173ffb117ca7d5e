"""Calls on subscriptions: create, update, cancel, list."""

from typing import Any

from . import invoices, lifecycle, payments, subscriptions, switching
from .api import Call, slice_page
from .errors import Refusal, missing, unsupported
from .events import emit
from .periods import add_interval
from .shapes import matches, merge_metadata
from .wire import Json, new_id

MAX_ITEMS = 20
NOTES = {"metadata", "cancellation_details", "expand"}
UPDATE = (
    "billing_cycle_anchor cancel_at cancel_at_period_end cancellation_details default_payment_method description items "
    "metadata pause_collection payment_behavior proration_behavior proration_date trial_end trial_settings"
)
RESUME = "billing_cycle_anchor payment_behavior proration_behavior"
CREATE = (
    "cancel_at_period_end collection_method currency customer default_payment_method description items metadata "
    "off_session payment_behavior trial_end trial_period_days trial_settings"
)


def create(call: Call) -> Json:
    """Straight through the API: charges the card on file at once; `incomplete` when that fails."""
    params, tx = call.params, call.tx
    if "customer" not in params:
        raise Refusal("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.refer("customer", params["customer"], "customer")
    chosen = _chosen(call, params.get("items") or [])
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if behaviour == "pending_if_incomplete":
        raise unsupported("payment_behavior")
    subscription = subscriptions.build(
        tx,
        customer,
        chosen,
        metadata=merge_metadata({}, params.get("metadata")),
        default_payment_method=params.get("default_payment_method"),
        description=params.get("description") or None,
        trial_end=trial_end_of(call, params),
        without_card=without_card(params),
    )
    method = subscriptions.method_for(tx, subscription)
    trialing = subscription["status"] == "trialing"
    free = trialing or sum(price["unit_amount"] * quantity for price, quantity in chosen) == 0
    if method is None and not free and behaviour != "default_incomplete":
        raise Refusal(
            "This customer has no attached payment source or default payment method. Please consider adding a "
            "default payment method.",
            code="resource_missing",
        )
    if not trialing:
        subscription["status"] = "active" if free else "incomplete"
    subscription["latest_invoice"] = new_id("in_")
    if params.get("cancel_at_period_end"):
        subscriptions.schedule_cancellation(tx, subscription, subscriptions.period(subscription)[1], at_period_end=True)
    subscriptions.store_new(tx, subscription)
    invoice = subscriptions.first_invoice(tx, customer, subscription)
    intent = None
    if free or behaviour != "default_incomplete":
        intent = invoices.collect(tx, invoice, method, off_session=bool(params.get("off_session")))
    if intent and intent["status"] != "succeeded" and behaviour == "error_if_incomplete":
        error = intent["last_payment_error"] or {"code": "subscription_payment_intent_requires_action"}
        raise Refusal(
            error.get("message", "Payment for this subscription requires additional user action."),
            status=402,
            type=error.get("type", "card_error"),
            code=error["code"],
        )
    if intent and intent["status"] == "succeeded":
        subscriptions.activate(tx, subscription)
    return subscription


def trial_end_of(call: Call, params: Json, at: str = "") -> int | None:
    """When the trial ends that the parameters ask for; None without one."""
    end, days = params.get("trial_end"), params.get("trial_period_days")
    if end is not None and days is not None:
        raise Refusal("You may only specify one of these parameters: trial_end, trial_period_days.")
    if days:
        return call.now + int(days) * 86_400
    if end in (None, "", "now"):
        return None
    if int(end) <= call.now:
        raise Refusal("Invalid timestamp: must be an integer Unix timestamp in the future.", param=f"{at}trial_end")
    return int(end)


def without_card(params: Json) -> str | None:
    """What a trial is to do at its end when there is no card."""
    told = params.get("trial_settings") or {}
    behaviour: str | None = told.get("end_behavior", {}).get("missing_payment_method")
    return behaviour


def _chosen(call: Call, given: list[Json]) -> list[tuple[Json, int]]:
    if not 1 <= len(given) <= MAX_ITEMS:
        raise Refusal("Missing required param: items.", code="parameter_missing", param="items")
    chosen = []
    for index, item in enumerate(given):
        for name in item:
            if name not in ("price", "quantity", "metadata"):
                raise unsupported(f"items[{index}][{name}]")
        if "price" not in item:
            raise Refusal("Missing required param: items.", code="parameter_missing", param=f"items[{index}][price]")
        chosen.append(
            (subscriptions.recurring_price(call, item["price"], f"items[{index}][price]"), item.get("quantity", 1))
        )
    subscriptions.same_interval([price for price, _ in chosen])
    return chosen


def update(call: Call) -> Json:
    subscription, params = call.load("subscription"), call.params
    if subscription["status"] in subscriptions.ENDED and not params.keys() <= NOTES:
        raise Refusal("A canceled subscription can only update its cancellation_details and metadata.")
    before = subscriptions.copy(subscription)
    _reschedule(call, subscription)
    if details := params.get("cancellation_details"):
        subscriptions.note_reason(subscription, details)
    if method := params.get("default_payment_method"):
        subscription["default_payment_method"] = _own_method(call, method, subscription["customer"])
    if "description" in params:
        subscription["description"] = params["description"] or None
    if "pause_collection" in params:
        subscription["pause_collection"] = _pause(call, params["pause_collection"])
    subscription["metadata"] = merge_metadata(subscription["metadata"], params.get("metadata"))
    if behaviour := without_card(params):
        subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": behaviour}}
    if "trial_end" in params:
        _move_trial(call, subscription)
    restarts = params.get("billing_cycle_anchor", {}).get("type") == "now"
    if restarts and "items" in params:
        raise unsupported("billing_cycle_anchor with items")
    if restarts:
        return switching.restart(call, subscription, before)
    if "items" in params:
        return switching.switch(call, subscription, before)
    subscriptions.save(call.tx, subscription, before)
    return subscription


def _pause(call: Call, given: Any) -> Json | None:
    """What `pause_collection` asks for; an empty string ends a pause."""
    if not given:
        return None
    if given.get("resumes_at", call.now + 1) <= call.now:
        raise Refusal("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
    return {"resumes_at": None, **given}


def _reschedule(call: Call, subscription: Json) -> None:
    """The two spellings of a later end, which exclude each other."""
    params, end = call.params, subscriptions.period(subscription)[1]
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise Refusal("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if params.get("cancel_at_period_end"):
        subscriptions.schedule_cancellation(call.tx, subscription, end, at_period_end=True)
    elif "cancel_at_period_end" in params and subscription["cancel_at_period_end"]:
        subscriptions.unschedule(subscription)
    if "cancel_at" in params:
        subscriptions.set_cancel_at(call.tx, subscription, params["cancel_at"])


def _move_trial(call: Call, subscription: Json) -> None:
    """End a trial now, or let it (or a free time) last until a moment."""
    end = trial_end_of(call, {"trial_end": call.params["trial_end"]})
    if end is None:
        if subscription["status"] == "trialing":
            subscriptions.end_trial(call.tx, subscription)
        return
    items = [dict(item, current_period_end=end) for item in subscription["items"]["data"]]
    subscription["items"] = dict(subscription["items"], data=items)
    subscription.update(
        status="trialing", trial_start=subscription["trial_start"] or call.now, trial_end=end,
        billing_cycle_anchor=end, _cycles=0, _trial_told=False,
    )  # fmt: skip


def resume(call: Call) -> Json:
    """Bring a paused subscription back: it begins a new period, which is charged at once."""
    subscription, tx = call.load("subscription", "subscription"), call.tx
    if subscription["status"] != "paused":
        raise Refusal("Only a subscription that is paused can be resumed.")
    customer = tx.find("customer", subscription["customer"])
    if customer is None:
        raise missing("customer", subscription["customer"])
    before = subscriptions.copy(subscription)
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    end = add_interval(tx.now, recurring["interval"], recurring["interval_count"])
    items = [dict(item, current_period_start=tx.now, current_period_end=end) for item in subscription["items"]["data"]]
    subscription["items"] = dict(subscription["items"], data=items)
    subscription.update(billing_cycle_anchor=tx.now, _cycles=1, status="active", latest_invoice=new_id("in_"))
    subscriptions.save(tx, subscription, before)
    emit(tx, "customer.subscription.resumed", subscription)
    lines = [invoices.line_for(tx, item, subscription["id"], tx.now, end) for item in items]
    invoice = invoices.build(
        tx, customer, lines, reason="subscription_update", subscription=subscription, period=(tx.now, tx.now),
        identifier=subscription["latest_invoice"],
    )  # fmt: skip
    invoices.draft(tx, invoice)
    invoices.finalize(tx, invoice)
    lifecycle.charge_open(tx, invoice, subscription)
    return subscription


def _own_method(call: Call, method: str, customer: str) -> str:
    found = payments.find_method(call, method, "default_payment_method")
    if found["customer"] != customer:
        raise Refusal(
            f"The customer does not have a payment method with the ID {method}.",
            code="resource_missing",
            param="default_payment_method",
        )
    return str(found["id"])


def cancel(call: Call) -> Json:
    subscription = call.load("subscription")
    if subscription["status"] in subscriptions.ENDED:
        raise missing("subscription", subscription["id"])
    for name in ("invoice_now", "prorate"):
        if call.params.get(name):
            raise unsupported(name)
    subscriptions.note_reason(subscription, call.params.get("cancellation_details", {}))
    subscriptions.end(call.tx, subscription, reason="cancellation_requested")
    return subscription


def list_subscriptions(call: Call) -> Json:
    params = call.params
    where: list[tuple[str, list[Any]]] = []
    status = params.get("status")
    if status is None:
        where.append(("json_extract(data, '$.status') NOT IN ('canceled', 'incomplete_expired')", []))
    elif status == "ended":
        where.append(("json_extract(data, '$.status') IN ('canceled', 'incomplete_expired')", []))
    elif status != "all":
        where.append(matches("status", status))
    if "collection_method" in params:
        where.append(matches("collection_method", params["collection_method"]))
    if price := params.get("price"):
        item = "SELECT 1 FROM json_each(data, '$.items.data') i WHERE json_extract(i.value, '$.price.id') = ?"
        where.append((f"EXISTS ({item})", [price]))
    return call.page("subscription", customer=params.get("customer"), where=where)


def list_items(call: Call) -> Json:
    subscription = call.refer("subscription", call.params["subscription"], "subscription")
    return slice_page(subscription["items"]["data"], call.params, call.path)
