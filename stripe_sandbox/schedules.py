"""Subscription schedules: what a subscription is to become at a later moment, phase after phase."""

from typing import Any

from . import subscriptions
from .api import Call
from .errors import Refusal, unsupported
from .events import changed, emit
from .periods import add_interval
from .shapes import merge_metadata
from .store import Transaction
from .wire import Json, new_id

CREATE = "end_behavior from_subscription metadata"
UPDATE = "end_behavior metadata phases proration_behavior"
LIVE = ("not_started", "active")


def create(call: Call) -> Json:
    """A schedule made of a running subscription: its first phase is the period that runs."""
    identifier = call.params.get("from_subscription")
    if not identifier:
        raise unsupported("a schedule without from_subscription")
    subscription = call.refer("subscription", identifier, "from_subscription")
    if subscription["status"] in subscriptions.ENDED:
        raise Refusal("A subscription that has ended cannot be given a schedule.", param="from_subscription")
    if subscription["schedule"]:
        raise Refusal(
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}.",
            param="from_subscription",
        )
    start, end = subscriptions.period(subscription)
    items = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in subscription["items"]["data"]]
    schedule: Json = {
        "id": new_id("sub_sched_"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": subscription["created"],
        },
        "canceled_at": None,
        "completed_at": None,
        "created": call.now,
        "current_phase": {"start_date": start, "end_date": end},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None, "custom_fields": None, "days_until_due": None, "description": None,
                "footer": None, "issuer": {"account": None, "type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": call.params.get("end_behavior", "release"),
        "livemode": False,
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "pause_schedules": [],
        "phases": [_phase(call.tx, items, start, end, subscription["currency"])],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }  # fmt: skip
    call.tx.insert("subscription_schedule", schedule, customer=subscription["customer"], parent=subscription["id"])
    _plan(call.tx, schedule)
    emit(call.tx, "subscription_schedule.created", schedule)
    before = dict(subscription)
    subscription["schedule"] = schedule["id"]
    subscriptions.save(call.tx, subscription, before)
    return schedule


def _phase(tx: Transaction, items: list[Json], start: int, end: int, currency: str, proration: str = "none") -> Json:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None, "discounts": [], "metadata": {}, "plan": item["price"],
                "price": item["price"], "quantity": item.get("quantity", 1), "tax_rates": [],
            }
            for item in items
        ],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": proration,
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }  # fmt: skip


def update(call: Call) -> Json:
    """New phases: the running one must stay the first, and each begins where the last one ends."""
    schedule, params = call.load("subscription_schedule", "schedule"), call.params
    _require_live(schedule)
    before = dict(schedule)
    if "phases" in params:
        schedule["phases"] = _phases(call, schedule, params["phases"])
    schedule["end_behavior"] = params.get("end_behavior", schedule["end_behavior"])
    schedule["metadata"] = merge_metadata(schedule["metadata"], params.get("metadata"))
    changed(call.tx, "subscription_schedule.updated", before, call.tx.save(schedule))
    _plan(call.tx, schedule)
    return schedule


def _phases(call: Call, schedule: Json, given: list[Json]) -> list[Json]:
    phases: list[Json] = []
    for index, one in enumerate(given):
        at = f"phases[{index}]"
        for name in one:
            if name not in ("items", "start_date", "end_date", "duration", "proration_behavior"):
                raise unsupported(f"{at}[{name}]")
        start = phases[-1]["end_date"] if phases else schedule["phases"][0]["start_date"]
        if one.get("start_date", start) not in (start, "now"):
            raise Refusal("Each phase begins where the one before it ends.", param=f"{at}[start_date]")
        for item in one["items"]:
            for name in item:
                if name not in ("price", "quantity"):
                    raise unsupported(f"{at}[items][{name}]")
        prices = [subscriptions.recurring_price(call, item["price"], f"{at}[items][price]") for item in one["items"]]
        recurring = prices[0]["recurring"]
        length = one.get("duration") or recurring
        end = one.get("end_date") or add_interval(start, length["interval"], length.get("interval_count", 1))
        if not isinstance(end, int) or end <= start:
            raise Refusal("A phase ends after it begins.", param=f"{at}[end_date]")
        proration = str(one.get("proration_behavior") or call.params.get("proration_behavior") or "create_prorations")
        phases.append(_phase(call.tx, one["items"], start, end, prices[0]["currency"], proration))
    return phases


def release(call: Call) -> Json:
    """Let the subscription go on as it is; the rest of the plan is dropped."""
    schedule = call.load("subscription_schedule", "schedule")
    _require_live(schedule)
    end_schedule(call.tx, schedule, "released")
    return schedule


def cancel(call: Call) -> Json:
    """End the schedule and its subscription with it."""
    schedule = call.load("subscription_schedule", "schedule")
    _require_live(schedule)
    subscription = call.tx.find("subscription", schedule["subscription"] or "")
    end_schedule(call.tx, schedule, "canceled")
    if subscription and subscription["status"] not in subscriptions.ENDED:
        subscription["schedule"] = None
        subscriptions.end(call.tx, subscription, reason="cancellation_requested")
    return schedule


def list_schedules(call: Call) -> Json:
    return call.page("subscription_schedule", customer=call.params.get("customer"))


def _require_live(schedule: Json) -> None:
    if schedule["status"] not in LIVE:
        raise Refusal(
            f"You cannot change a subscription schedule that is currently in the `{schedule['status']}` status."
        )


def end_schedule(tx: Transaction, schedule: Json, status: str) -> None:
    """The schedule is over; the subscription, if it goes on, goes on alone."""
    at = {"released": "released_at", "canceled": "canceled_at", "completed": "completed_at"}[status]
    identifier = schedule["subscription"]
    schedule.update(status=status, current_phase=None)
    schedule[at] = tx.now
    if status == "released":
        schedule.update(released_subscription=identifier, subscription=None)
    tx.save(schedule)
    tx.set_due(schedule["id"], None)
    emit(tx, f"subscription_schedule.{status}", schedule)
    subscription = tx.find("subscription", identifier or "")
    if subscription is None or subscription["status"] in subscriptions.ENDED:
        return
    if subscription["schedule"] == schedule["id"]:
        before = dict(subscription)
        subscription["schedule"] = None
        subscriptions.save(tx, subscription, before)


def _plan(tx: Transaction, schedule: Json) -> None:
    """A phase begins the second before the renewal it changes is due."""
    current = schedule["current_phase"]
    tx.set_due(schedule["id"], current["end_date"] - 1 if current else None)


def phase_due(tx: Transaction, schedule: Json) -> None:
    """The running phase is over: the next one's prices hold, or the plan has come to its end."""
    subscription = tx.find("subscription", schedule["subscription"] or "")
    if schedule["status"] not in LIVE or subscription is None or subscription["status"] in subscriptions.ENDED:
        return
    end = schedule["current_phase"]["end_date"]
    following = next((phase for phase in schedule["phases"] if phase["start_date"] == end), None)
    if following is None:
        if schedule["end_behavior"] == "cancel":
            end_schedule(tx, schedule, "completed")
            subscriptions.end(tx, subscription, reason="cancellation_requested")
        else:
            end_schedule(tx, schedule, "released")
        return
    before = dict(schedule)
    schedule["current_phase"] = {"start_date": end, "end_date": following["end_date"]}
    changed(tx, "subscription_schedule.updated", before, tx.save(schedule))
    _plan(tx, schedule)
    _apply(tx, subscription, following)


def _apply(tx: Transaction, subscription: Json, phase: Json) -> None:
    """The renewal that follows at once bills the new prices for the new period."""
    before = dict(subscription)
    items: list[Any] = []
    for item, planned in zip(subscription["items"]["data"], phase["items"], strict=True):
        price = tx.find("price", planned["price"])
        if price is None:
            return
        items.append(dict(item, price=price, plan=subscriptions.plan_of(price), quantity=planned["quantity"]))
    # Intervals are counted from here on: a month after a year begins when the year is over.
    start = subscriptions.period(subscription)[1]
    subscription["items"] = dict(subscription["items"], data=items)
    subscription.update(billing_cycle_anchor=start, _cycles=0)
    subscriptions.save(tx, subscription, before)
